#include "trainer/process.hpp"

#include <limits>

#include <gtest/gtest.h>

#include "trainer/torch.hpp"

namespace trainer {
namespace {

template <class Number>
Number half_of_least_normal_number() {
  const auto least = torch::full({64}, std::numeric_limits<Number>::min(),
                                 torch::CppTypeToScalarType<Number>::value);
  return (least / 2).max().template item<Number>();
}

TEST(Process, MakesSubnormalNumbersZero) {
  torch::globalContext().setFlushDenormal(false);
  ASSERT_GT(half_of_least_normal_number<float>(), 0.F);
  set_up_process();
  EXPECT_EQ(half_of_least_normal_number<float>(), 0.F);
  EXPECT_EQ(half_of_least_normal_number<double>(), 0.);
  torch::globalContext().setFlushDenormal(false);  // for the tests that follow
}

}  // namespace
}  // namespace trainer
