// What a word that is not known most likely meant.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace bora {

// Single-character edits that turn one word into the other, a swap of neighbours counting as one
// (the optimal string alignment distance).
std::size_t edits(std::string_view a, std::string_view b);

// The word of `known` that `word` most likely meant; empty where none is near.
std::string_view nearest(std::string_view word, std::span<const std::string_view> known);

}  // namespace bora
