#include "tensor/tensor_view.h"

#include <gtest/gtest.h>

namespace bora {
namespace {

TEST(Shape, CountsRowsAndColumns) {
  const Shape shape{3, 4, 5};
  EXPECT_EQ(shape.rows(), 12U);
  EXPECT_EQ(shape.columns(), 5U);
  EXPECT_EQ(shape.values(), 60U);
  EXPECT_EQ(shape.to_string(), "[3, 4, 5]");
  EXPECT_EQ(Shape{}.values(), 1U);
}

TEST(TensorView, FindsRowsOfBlockTypes) {
  alignas(2) std::byte storage[2 * 2 * 18] = {};
  const TensorView view{storage, DType::kQ4_0, Shape{2, 64}};
  EXPECT_EQ(view.row_bytes(), 36U);
  EXPECT_EQ(view.bytes(), 72U);
  EXPECT_EQ(view.row(1), storage + 36);
}

}  // namespace
}  // namespace bora
