// Checkpoints that the tests of the program use.
#pragma once

#include "tests/base/temp_folder.h"
#include "tests/cli/program.h"

#include <nlohmann/json.hpp>

#include <filesystem>
#include <fstream>
#include <string>

namespace bora::testing {

// The tiny golden models of tests/data: weights without a tokenizer.
inline std::string golden_model(const std::string& name) {
  return std::string(BORA_TEST_DATA_DIR) + "/golden/models/" + name;
}

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// A copy of a golden model with a byte-level tokenizer beside it, whose piece of id 3 + b is the
// byte b (in GPT-2's alphabet, for ASCII: itself) and whose ids 0, 1, 2 are special.
inline std::string model_with_tokenizer(const TempFolder& scratch, const std::string& name) {
  const std::filesystem::path folder = scratch.path() / (name + "_text");
  std::filesystem::copy(golden_model(name), folder, std::filesystem::copy_options::recursive);
  nlohmann::json vocab;
  for (int byte = 33; byte < 127; ++byte) vocab[std::string(1, static_cast<char>(byte))] = byte + 3;
  vocab["\u0120"] = 32 + 3;  // blank
  vocab["\u010a"] = 10 + 3;  // newline
  const nlohmann::json tokenizer = {
      {"added_tokens",
       {{{"id", 2},
         {"content", "</s>"},
         {"special", true},
         {"single_word", false},
         {"lstrip", false},
         {"rstrip", false},
         {"normalized", false}}}},
      {"normalizer", nullptr},
      {"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", true}}},
      {"post_processor", nullptr},
      {"decoder", {{"type", "ByteLevel"}}},
      {"model", {{"type", "BPE"}, {"vocab", vocab}, {"merges", nlohmann::json::array()}}}};
  std::ofstream(folder / "tokenizer.json") << tokenizer.dump();
  const nlohmann::json config = {
      {"eos_token", "</s>"},
      {"chat_template",
       "{% for m in messages %}{% if m.role == 'user' and m.content == 'raise' %}{{ "
       "raise_exception('no such talk') }}{% endif %}{{ m.role }}:{{ m.content }}\n{% endfor %}"}};
  std::ofstream(folder / "tokenizer_config.json") << config.dump();
  return folder.string();
}

}  // namespace bora::testing
