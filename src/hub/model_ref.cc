#include "hub/model_ref.h"

#include "base/printable.h"

#include <fmt/format.h>

#include <algorithm>

namespace bora {
namespace {

constexpr std::size_t kLongestName = 255;  // what file systems take
constexpr std::size_t kLongestPath = 1024;

bool is_word(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' ||
           c == '_' || c == '.';
  });
}

bool is_hex(std::string_view text) {
  return std::ranges::all_of(
      text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

// A part of a path that is neither empty, "." nor "..".
bool is_name(std::string_view part) {
  return !part.empty() && part != "." && part != ".." && part.size() <= kLongestName;
}

template <class Check>
bool all_parts(std::string_view path, const Check& check) {
  for (;;) {
    const std::size_t slash = path.find('/');
    if (!check(path.substr(0, slash))) return false;
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
}

}  // namespace

std::string ModelRef::text() const {
  return fmt::format("{}{}{}", repo, revision == "main" ? "" : "@" + revision,
                     file.empty() ? "" : ":" + file);
}

std::optional<ModelRef> parse_model_ref(std::string_view text) {
  ModelRef ref;
  if (const std::size_t colon = text.find(':'); colon != std::string_view::npos) {
    ref.file = text.substr(colon + 1);
    if (!check_file_name(ref.file)) return std::nullopt;
    text = text.substr(0, colon);
  }
  if (const std::size_t at = text.find('@'); at != std::string_view::npos) {
    ref.revision = text.substr(at + 1);
    if (!is_revision(ref.revision)) return std::nullopt;
    text = text.substr(0, at);
  }
  if (!is_repo_id(text)) return std::nullopt;
  ref.repo = text;
  return ref;
}

bool is_repo_id(std::string_view text) {
  constexpr std::size_t kLongest = 96;  // the Hub's own limit
  // "--" stands for the slash in the cache, so that it may be in no name.
  return text.size() <= kLongest && std::ranges::count(text, '/') == 1 &&
         text.find("--") == std::string_view::npos && text.find("..") == std::string_view::npos &&
         all_parts(text, [](std::string_view part) {
           return is_name(part) && is_word(part) && part.front() != '.' && part.front() != '-' &&
                  part.back() != '.' && part.back() != '-';
         });
}

bool is_revision(std::string_view text) {
  return text.size() <= kLongestName && text.find("..") == std::string_view::npos &&
         all_parts(text, [](std::string_view part) {
           return is_name(part) && is_word(part) && part.front() != '.' && part.front() != '-';
         });
}

bool is_commit(std::string_view text) { return text.size() == 40 && is_hex(text); }

bool is_etag(std::string_view text) {
  return (text.size() == 40 || text.size() == 64) && is_hex(text);
}

Result<void> check_file_name(std::string_view name) {
  const bool plain = std::ranges::all_of(name, [](char c) {
    return static_cast<unsigned char>(c) >= 0x20 && c != '\x7f' && c != '\\';
  });
  if (plain && name.size() <= kLongestPath && all_parts(name, is_name)) return {};
  return Error{
      ErrorCode::kBadModel,
      fmt::format("file name: expected one inside of the repository, found {}", quoted(name)),
      {}};
}

}  // namespace bora
