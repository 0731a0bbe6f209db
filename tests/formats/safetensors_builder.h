// The bytes of small safetensors files for tests, right ones and wrong ones.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace bora::testing {

// A file of this JSON header (as it is, right or wrong) and this data.
inline std::string safetensors_file(std::string_view header, std::string_view data) {
  const std::uint64_t length = header.size();
  char raw[sizeof length];
  std::memcpy(raw, &length, sizeof length);
  return std::string(raw, sizeof raw).append(header).append(data);
}

class SafetensorsBuilder {
 public:
  SafetensorsBuilder& tensor(std::string_view name, std::string_view dtype,
                             const std::vector<std::uint64_t>& shape, std::string_view data) {
    header_ += header_.empty() ? "{" : ",";
    header_ += '"' + std::string(name) + R"(":{"dtype":")" + std::string(dtype) + R"(","shape":[)";
    for (std::size_t i = 0; i < shape.size(); ++i) {
      header_ += (i > 0 ? "," : "") + std::to_string(shape[i]);
    }
    header_ += R"(],"data_offsets":[)" + std::to_string(data_.size()) + ",";
    data_ += data;
    header_ += std::to_string(data_.size()) + "]}";
    return *this;
  }

  // Padded with spaces so that the data begins at a multiple of 8, as real writers do.
  [[nodiscard]] std::string bytes() const {
    std::string header = header_.empty() ? "{}" : header_ + "}";
    header.resize((header.size() + 7) / 8 * 8, ' ');
    return safetensors_file(header, data_);
  }

 private:
  std::string header_;
  std::string data_;
};

}  // namespace bora::testing
