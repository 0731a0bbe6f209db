// FileTaker: what is done with files of a model as they come, while the next ones do. fetch_files()
// gets all other files first, then those that are wanted, one after another, and calls it from the
// thread that called fetch_files().
#pragma once

#include "base/result.h"
#include "hub/api.h"

#include <filesystem>

namespace bora {

class FileTaker {
 public:
  FileTaker() = default;
  virtual ~FileTaker() = default;
  FileTaker(const FileTaker&) = delete;
  FileTaker& operator=(const FileTaker&) = delete;

  [[nodiscard]] virtual bool wants(const RemoteFile& file) const = 0;
  // Whether wanted files stay, and get their names in the snapshot; else whoever takes one drops it
  // (hub/remove.h), and then has() says that it need not come again.
  [[nodiscard]] virtual bool keeps_files() const = 0;
  [[nodiscard]] virtual bool has(const RemoteFile& file) const = 0;

  // The file is whole and verified, and lies there. Returns soon: the next one is waited for.
  virtual void take(const RemoteFile& file, const std::filesystem::path& content) = 0;
  // Whether there is no use in going on; asked several times a second.
  [[nodiscard]] virtual bool failed() const = 0;
  // Waits until all that was taken is done with.
  virtual Result<void> finish() = 0;
};

}  // namespace bora
