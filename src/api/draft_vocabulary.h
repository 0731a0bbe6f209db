// Whether a model may draft for another: the same ids must stand for the same text.
#pragma once

#include "base/result.h"
#include "text/tokenizer.h"

#include <cstddef>
#include <optional>
#include <string>

namespace bora {

// A model's, for as long as the call.
struct Vocabulary {
  const std::string& model;                   // its name
  const std::optional<Tokenizer>& tokenizer;  // nullopt: the checkpoint has none
  std::size_t size;                           // as the weights have it, padding included
};

// Compares piece by piece, for as many ids as both have; special tokens may differ, and one
// vocabulary may go on where the other ends. Where a tokenizer is missing the sizes have to do.
// Errors: kUsage.
Result<void> check_draft_vocabulary(const Vocabulary& model, const Vocabulary& draft);

}  // namespace bora
