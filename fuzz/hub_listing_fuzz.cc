// What a Hub may say of a repository: any bytes are an error, or files with names, hashes and sizes
// that may become paths and disk space.
#include "base/check.h"
#include "hub/api.h"
#include "hub/choose.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace {

// Says a commit where that is asked for, and the input to everything else.
class SayingClient : public bora::HttpClient {
 public:
  explicit SayingClient(std::span<const std::byte> bytes) : bytes_(bytes) {}

  bora::HttpResult get(const bora::HttpRequest& request, bora::HttpSink sink) override {
    static const std::string kCommit = "{\"sha\":\"" + std::string(40, 'a') + "\"}";
    bora::HttpResult result;
    result.head.status = 200;
    const bool commit = request.url.find("/revision/") != std::string::npos;
    result.whole = sink.on_head(result.head) &&
                   sink.on_body(commit ? std::as_bytes(std::span(kCommit)) : bytes_);
    return result;
  }

 private:
  std::span<const std::byte> bytes_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  SayingClient client(std::as_bytes(std::span(data, size)));
  bora::HubOptions options;
  options.attempts = 1;
  bora::Result<bora::HubSession> session = bora::HubSession::create(client, options);
  const bora::ModelRef ref{.repo = "o/m", .revision = "main", .file = ""};
  const bora::Result<bora::RemoteRevision> revision = bora::find_revision(*session, ref);
  if (!revision) return 0;
  for (const bora::RemoteFile& file : revision->files) {
    CHECK(bora::check_file_name(file.name).has_value() && bora::is_etag(file.etag), file.name);
  }
  (void)bora::choose_files(revision->files, {});
  return 0;
}
