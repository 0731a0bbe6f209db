// Outlines of what a Hub serves: of any file an outline opens as the file itself would, or neither
// does. Three bytes of an input say of which kind the file is and how many zeros follow what comes
// after them.
#include "base/check.h"
#include "formats/checkpoint.h"
#include "formats/gguf.h"
#include "formats/safetensors.h"
#include "hub/outline.h"
#include "tests/hub/fake_hub.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <span>
#include <string>

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostZeros = std::size_t{4} << 20;

// In memory where that can be had: files are written through to the disk.
fs::path temporary_files() {
  std::error_code ignored;
  return fs::is_directory("/dev/shm", ignored) ? "/dev/shm" : fs::temp_directory_path();
}

// One for the process.
const fs::path& scratch_folder() {
  static const fs::path folder = [] {
    std::string pattern = (temporary_files() / "bora_fuzz_XXXXXX").string();
    CHECK(mkdtemp(pattern.data()) != nullptr, pattern);
    static const std::string made = pattern;
    std::atexit([] {
      std::error_code ignored;
      fs::remove_all(made, ignored);
    });
    return fs::path(made);
  }();
  return folder;
}

// Serves one file, whole or a range of it.
class OneFileHub : public bora::HttpClient {
 public:
  OneFileHub(std::string name, std::string content)
      : name_(std::move(name)), content_(std::move(content)) {}

  bora::HttpResult get(const bora::HttpRequest& request, bora::HttpSink sink) override {
    bora::HttpResult result;
    result.head.status = 200;
    std::string body = content_;
    if (request.url.ends_with("/config.json")) body = "{}";
    if (request.range) {
      const auto [begin, end] = *request.range;
      CHECK(begin < end && end <= body.size(), "no byte beyond the file is asked for");
      result.head.status = 206;
      result.head.headers["content-range"] =
          fmt::format("bytes {}-{}/{}", begin, end - 1, body.size());
      body = body.substr(begin, end - begin);
    }
    result.whole =
        sink.on_head(result.head) && sink.on_body(std::as_bytes(std::span(std::as_const(body))));
    return result;
  }

  // What select_files() would make of it.
  [[nodiscard]] bora::Selection selection() const {
    bora::Selection selection;
    selection.ref = {.repo = "o/m", .revision = "main", .file = ""};
    selection.commit = std::string(40, 'a');
    selection.files = {{"config.json", 2, bora::testing::hash_of("{}", 40)},
                       {name_, content_.size(), std::string(64, 'b')}};
    if (name_.ends_with(".gguf")) selection.gguf = name_;
    return selection;
  }

 private:
  std::string name_;
  std::string content_;
};

bool opens(const std::string& name, const std::string& content) {
  const std::span<const std::byte> bytes = std::as_bytes(std::span(content));
  if (!name.ends_with(".gguf")) return bora::parse_safetensors(bytes, name).has_value();
  const auto header = bora::parse_gguf(bytes, name);
  return header && header->split.count == 1;  // of several there are no others here
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kHead = 3;
  if (size < kHead) return 0;
  const std::string name = data[0] % 2 == 0 ? "model.safetensors" : "m.gguf";
  std::string content(reinterpret_cast<const char*>(data + kHead), size - kHead);
  content.append((std::size_t{data[1]} << 8U | data[2]) * 64 % kMostZeros, '\0');
  OneFileHub hub(name, content);
  bora::HubOptions options;
  options.attempts = 1;
  bora::Result<bora::HubSession> session = bora::HubSession::create(hub, options);
  const bora::Selection selection = hub.selection();
  const auto outline = bora::fetch_outline(*session, selection, scratch_folder(), nullptr);
  if (outline) {
    const auto opened = bora::Checkpoint::open(outline->model);
    CHECK(opened.has_value() == opens(name, content), "an outline opens as the file does");
  }
  std::error_code ignored;
  fs::remove_all(scratch_folder() / "models--o--m", ignored);
  return 0;
}
