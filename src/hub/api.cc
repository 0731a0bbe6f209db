#include "hub/api.h"

#include "base/nearest.h"
#include "base/printable.h"
#include "formats/json.h"
#include "hub/url.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace bora {
namespace {

constexpr std::size_t kMostFiles = 100'000;
constexpr std::uint64_t kLargestFile = std::uint64_t{1} << 50;

// A document of the Hub that is not what it should be is no fault of a model file.
Error bad_answer(Error error, std::string_view what) {
  error.code = ErrorCode::kFailed;
  return std::move(error).with_context(fmt::format("{}: the Hub's answer", what));
}

Error unexpected(std::string_view what, std::string_view expected, std::string_view found) {
  return {ErrorCode::kFailed,
          fmt::format("{}: the Hub's answer: expected {}, found {}", what, expected, quoted(found)),
          {}};
}

std::string revision_path(const ModelRef& ref) {
  return fmt::format("/api/models/{}/revision/{}", ref.repo, encode_part(ref.revision));
}

Result<RemoteFile> read_file(const JsonObject& entry, std::string_view what) {
  RemoteFile file;
  Result<std::string_view> path = entry.get_string("path");
  if (!path) return bad_answer(std::move(path).error(), what);
  file.name = *path;
  if (Result<void> checked = check_file_name(file.name); !checked) {
    return std::move(checked).error().with_context(what);
  }
  Result<std::string_view> etag = entry.get_string("oid");
  Result<std::int64_t> bytes = entry.get_int("size");
  if (etag && entry.has("lfs")) {
    Result<JsonObject> large = entry.get_object("lfs");
    if (!large) return bad_answer(std::move(large).error(), what);
    etag = large->get_string("oid");
    bytes = large->get_int("size");
  }
  if (!etag) return bad_answer(std::move(etag).error(), what);
  if (!bytes) return bad_answer(std::move(bytes).error(), what);
  file.etag = *etag;
  if (file.etag.starts_with("sha256:")) file.etag.erase(0, 7);
  if (!is_etag(file.etag)) return unexpected(what, "a hash", file.etag);
  if (*bytes < 0 || static_cast<std::uint64_t>(*bytes) > kLargestFile) {
    return unexpected(what, "a file's size", std::to_string(*bytes));
  }
  file.bytes = static_cast<std::uint64_t>(*bytes);
  return file;
}

// The files of one page of a listing.
Result<void> read_page(std::string_view text, std::string_view what,
                       std::vector<RemoteFile>& files) {
  Result<JsonDocument> document = JsonDocument::parse(text, "files");
  if (!document) return bad_answer(std::move(document).error(), what);
  simdjson::dom::array entries;
  if (document->root().get(entries) != simdjson::SUCCESS) {
    return unexpected(what, "a list of files", describe(document->root()));
  }
  for (const simdjson::dom::element element : entries) {
    simdjson::dom::object members;
    if (element.get(members) != simdjson::SUCCESS) {
      return unexpected(what, "a file", describe(element));
    }
    const JsonObject entry(members, "files: ");
    Result<std::string_view> type = entry.get_string("type");
    if (!type) return bad_answer(std::move(type).error(), what);
    if (*type != "file") continue;
    Result<RemoteFile> file = read_file(entry, what);
    if (!file) return std::move(file).error();
    if (files.size() >= kMostFiles) {
      return unexpected(what, fmt::format("at most {} files", kMostFiles), "more");
    }
    files.push_back(*std::move(file));
  }
  return {};
}

}  // namespace

Result<std::string> find_commit(HubSession& session, const ModelRef& ref) {
  Result<std::string> text = session.read(revision_path(ref), ref.repo);
  if (!text) return text;
  Result<JsonDocument> document = JsonDocument::parse(*text, "revision");
  if (!document) return bad_answer(std::move(document).error(), ref.repo);
  Result<JsonObject> object = document->object();
  if (!object) return bad_answer(std::move(object).error(), ref.repo);
  Result<std::string_view> commit = object->get_string("sha");
  if (!commit) return bad_answer(std::move(commit).error(), ref.repo);
  if (!is_commit(*commit)) return unexpected(ref.repo, "a commit", *commit);
  return std::string(*commit);
}

Result<RemoteRevision> find_revision(HubSession& session, const ModelRef& ref) {
  constexpr int kMostPages = 1000;
  RemoteRevision revision;
  Result<std::string> commit = find_commit(session, ref);
  if (!commit) return std::move(commit).error();
  revision.commit = *std::move(commit);
  // The listing of the commit, not of the revision: that may move between the two.
  std::string page =
      fmt::format("/api/models/{}/tree/{}?recursive=true", ref.repo, revision.commit);
  const std::optional<std::string> origin = url_origin(session.options().endpoint);
  for (int pages = 0; !page.empty(); ++pages) {
    const bool ours = page.starts_with('/') || url_origin(page) == origin;
    if (pages == kMostPages || !ours) {
      return unexpected(ref.repo, "a listing of the endpoint's own, with an end", shown_url(page));
    }
    std::string next;
    Result<std::string> text = session.read(page, ref.repo, &next);
    if (!text) return std::move(text).error();
    Result<void> read = read_page(*text, ref.repo, revision.files);
    if (!read) return std::move(read).error();
    page = std::move(next);
  }
  return revision;
}

std::vector<std::string> find_similar(HubSession& session, std::string_view repo,
                                      std::size_t count) {
  const std::size_t slash = repo.find('/');
  std::vector<std::string> names;
  const auto ask = [&](const std::string& query) {
    const Result<std::string> text = session.read("/api/models?limit=100&" + query, repo);
    if (!text) return;
    const Result<JsonDocument> document = JsonDocument::parse(*text, "models");
    simdjson::dom::array entries;
    if (!document || document->root().get(entries) != simdjson::SUCCESS) return;
    for (const simdjson::dom::element entry : entries) {
      std::string_view id;
      if (entry["id"].get(id) == simdjson::SUCCESS && is_repo_id(id)) names.emplace_back(id);
    }
  };
  ask("author=" + encode_part(repo.substr(0, slash)));
  ask("search=" + encode_part(repo.substr(slash + 1)));
  std::ranges::sort(names);
  names.erase(std::unique(names.begin(), names.end()), names.end());
  const auto further = [&](const std::string& a, const std::string& b) {
    return edits(repo, a) < edits(repo, b);
  };
  std::ranges::stable_sort(names, further);
  std::erase_if(names,
                [&](const std::string& name) { return edits(repo, name) > repo.size() / 2; });
  if (names.size() > count) names.resize(count);
  return names;
}

Result<std::string> who_am_i(HubSession& session) {
  Result<std::string> text = session.read("/api/whoami-v2", "token");
  if (!text) {
    if (text.error().code != ErrorCode::kNotFound) return text;
    return Error{ErrorCode::kNotFound,
                 "token: expected one that the Hub knows, found one that it refuses",
                 {fmt::format("make one at {}/settings/tokens", session.options().endpoint)}};
  }
  Result<JsonDocument> document = JsonDocument::parse(*text, "user");
  if (!document) return bad_answer(std::move(document).error(), "token");
  Result<JsonObject> object = document->object();
  if (!object) return bad_answer(std::move(object).error(), "token");
  Result<std::string_view> name = object->get_string("name");
  if (!name) return bad_answer(std::move(name).error(), "token");
  return std::string(*name);
}

std::string file_url(const HubOptions& options, std::string_view repo, std::string_view commit,
                     std::string_view name) {
  return fmt::format("{}/{}/resolve/{}/{}", options.endpoint, repo, commit, encode_path(name));
}

}  // namespace bora
