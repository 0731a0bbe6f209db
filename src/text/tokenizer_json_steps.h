// The steps of a tokenizer.json: normalizer, pre-tokenizer, decoder and post-processor, read into
// what src/text runs. A type that is not known, or an option that changes the result and is not
// supported, is an error that names it (kBadModel). Private to src/text.
#pragma once

#include "formats/json.h"
#include "text/tokenizer_parts.h"

namespace bora {

// Each reads the member of this name from the root of the file; absent or null is an empty chain.
Result<void> read_normalizer(const JsonObject& root, TokenizerParts& parts);
Result<void> read_pre_tokenizer(const JsonObject& root, TokenizerParts& parts);
Result<void> read_decoder(const JsonObject& root, TokenizerParts& parts);
Result<void> read_post_processor(const JsonObject& root, TokenizerParts& parts);

}  // namespace bora
