// The layouts of the packed GGUF types, one function each: see formats/packed.h, whose table names
// them. Every function sets the unit, and of each group the multiplier, the offset and the codes.
#pragma once

#include <cstddef>

namespace bora {
struct UnpackedBlock;
}

namespace bora::unpack {

// `block` may lie at any address. Blocks of 32 values:
void q5_0(const std::byte* block, UnpackedBlock& out);
void q5_1(const std::byte* block, UnpackedBlock& out);
void iq4_nl(const std::byte* block, UnpackedBlock& out);

// Super-blocks of 256:
void q2_k(const std::byte* block, UnpackedBlock& out);
void q3_k(const std::byte* block, UnpackedBlock& out);
void iq4_xs(const std::byte* block, UnpackedBlock& out);
void tq1_0(const std::byte* block, UnpackedBlock& out);
void tq2_0(const std::byte* block, UnpackedBlock& out);

// The same with codes from a book (iq_grid_tables.h):
void iq3_xxs(const std::byte* block, UnpackedBlock& out);
void iq3_s(const std::byte* block, UnpackedBlock& out);
void iq2_xxs(const std::byte* block, UnpackedBlock& out);
void iq2_xs(const std::byte* block, UnpackedBlock& out);
void iq2_s(const std::byte* block, UnpackedBlock& out);
void iq1_s(const std::byte* block, UnpackedBlock& out);
void iq1_m(const std::byte* block, UnpackedBlock& out);

}  // namespace bora::unpack
