// GgufBuilder: the bytes of small GGUF files for tests, right ones and (through the fields that may
// be set at will) wrong ones.
#pragma once

#include "formats/metadata.h"

#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bora::testing {

class GgufBuilder {
 public:
  std::uint32_t version = 3;
  std::uint64_t alignment = 32;  // as the offsets use it; general.alignment is written by value()

  template <class T>
  GgufBuilder& value(std::string_view key, MetadataType type, T number) {
    start_value(key, type);
    put(metadata_, number);
    return *this;
  }
  GgufBuilder& text(std::string_view key, std::string_view string) {
    start_value(key, MetadataType::kString);
    put_string(metadata_, string);
    return *this;
  }
  template <class T>
  GgufBuilder& array(std::string_view key, MetadataType type, std::initializer_list<T> numbers) {
    start_array(key, type, numbers.size());
    for (const T number : numbers) put(metadata_, number);
    return *this;
  }
  GgufBuilder& texts(std::string_view key, std::span<const std::string> strings) {
    start_array(key, MetadataType::kString, strings.size());
    for (const std::string& string : strings) put_string(metadata_, string);
    return *this;
  }
  // A key, a type and whatever bytes follow.
  GgufBuilder& raw_value(std::string_view key, MetadataType type, std::string_view bytes) {
    start_value(key, type);
    metadata_ += bytes;
    return *this;
  }

  // `dims` innermost first, as GGUF writes them. The data is appended at the next aligned offset.
  GgufBuilder& tensor(std::string_view name, const std::vector<std::uint64_t>& dims,
                      std::uint32_t ggml_type, std::string_view data) {
    data_.resize((data_.size() + alignment - 1) / alignment * alignment);
    raw_tensor(name, dims, ggml_type, data_.size());
    data_ += data;
    return *this;
  }
  GgufBuilder& raw_tensor(std::string_view name, const std::vector<std::uint64_t>& dims,
                          std::uint32_t ggml_type, std::uint64_t offset) {
    put_string(tensors_, name);
    put(tensors_, static_cast<std::uint32_t>(dims.size()));
    for (const std::uint64_t dim : dims) put(tensors_, dim);
    put(tensors_, ggml_type);
    put(tensors_, offset);
    ++tensor_count_;
    return *this;
  }

  [[nodiscard]] std::string bytes() const { return bytes(tensor_count_, value_count_); }
  // With counts of the caller's choice.
  [[nodiscard]] std::string bytes(std::uint64_t tensor_count, std::uint64_t value_count) const {
    std::string file = "GGUF";
    put(file, version);
    put(file, tensor_count);
    put(file, value_count);
    file += metadata_;
    file += tensors_;
    file.resize((file.size() + alignment - 1) / alignment * alignment);
    return file + data_;
  }

  template <class T>
  static void put(std::string& out, T number) {
    char raw[sizeof(T)];
    std::memcpy(raw, &number, sizeof(T));
    out.append(raw, sizeof(T));
  }
  static void put_string(std::string& out, std::string_view string) {
    put(out, static_cast<std::uint64_t>(string.size()));
    out += string;
  }

 private:
  void start_value(std::string_view key, MetadataType type) {
    put_string(metadata_, key);
    put(metadata_, static_cast<std::uint32_t>(type));
    ++value_count_;
  }
  void start_array(std::string_view key, MetadataType type, std::size_t count) {
    start_value(key, MetadataType::kArray);
    put(metadata_, static_cast<std::uint32_t>(type));
    put(metadata_, static_cast<std::uint64_t>(count));
  }

  std::string metadata_;
  std::string tensors_;
  std::string data_;
  std::uint64_t tensor_count_ = 0;
  std::uint64_t value_count_ = 0;
};

}  // namespace bora::testing
