// What the Hub says of a repository: the commit of a revision, its files with sizes and hashes, and
// names like one that is not there. Everything is checked before it is given on: names, hashes and
// sizes become paths and disk space.
#pragma once

#include "base/result.h"
#include "hub/model_ref.h"
#include "hub/session.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bora {

struct RemoteFile {
  std::string name;  // inside of the repository: "model.safetensors", "sub/a.json"
  std::uint64_t bytes = 0;
  std::string etag;  // 64 digits: the SHA-256 of the content; 40: the SHA-1 of its git blob
};

struct RemoteRevision {
  std::string commit;
  std::vector<RemoteFile> files;  // empty from find_commit()
};

// The commit that the revision is now. Errors: kNotFound, kFailed, kInterrupted.
Result<std::string> find_commit(HubSession& session, const ModelRef& ref);

// That and the files of that commit. Errors: also kBadModel for a name that leads out of the
// repository.
Result<RemoteRevision> find_revision(HubSession& session, const ModelRef& ref);

// Names of models like `repo`, the likeliest first, at most `count`. Never an error: it is advice.
std::vector<std::string> find_similar(HubSession& session, std::string_view repo,
                                      std::size_t count);

// The user's name that belongs to the session's token. Errors: kNotFound where the Hub refuses it.
Result<std::string> who_am_i(HubSession& session);

// Where a file's content is to be had.
std::string file_url(const HubOptions& options, std::string_view repo, std::string_view commit,
                     std::string_view name);

}  // namespace bora
