// Small things that the kinds of golden file share; private to this room.
#pragma once

#include "base/ids.h"
#include "evaluate/verify.h"
#include "formats/json.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bora {

// Counts a failure and keeps its line while there is room.
void fail(VerifyReport& report, std::string line);

Result<std::vector<TokenId>> read_ids(const JsonObject& object, std::string_view key);

// An object of a list and the place it has there: "encode[3]".
struct Entry {
  JsonObject object;
  std::string where;
};
Result<std::vector<Entry>> read_entries(const JsonObject& object, std::string_view key);

// "id 3: expected 12, found 15", for two lists that differ.
std::string first_difference(std::span<const TokenId> expected, std::span<const TokenId> found);
// The same for texts, with a little of what follows.
std::string first_difference(std::string_view expected, std::string_view found);

}  // namespace bora
