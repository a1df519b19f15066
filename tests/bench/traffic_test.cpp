#include "tests/bench/traffic.hpp"

#include <gtest/gtest.h>
#include <torch/torch.h>

namespace bench {
namespace {

/// Of so many floats.
constexpr std::int64_t bytes(std::int64_t count) {
  return 4 * count;
}

constexpr std::int64_t kBytes = bytes(30);  // of a tensor of 6 x 5 floats

struct Traffic : testing::Test {
  /// Of an operator.
  template <class Task>
  static std::int64_t of(const Task& task) {
    const TrafficCount count;
    task();
    return count.bytes();
  }

  torch::Tensor a = torch::ones({6, 5});
  torch::Tensor b = torch::ones({6, 5});
};

TEST_F(Traffic, IsOperandsAndResult) {
  EXPECT_EQ(of([&] { return a + b; }), 3 * kBytes);
  EXPECT_EQ(of([&] { return a.tanh(); }), 2 * kBytes);
  EXPECT_EQ(of([&] { a.add_(b); }), 3 * kBytes);
  EXPECT_EQ(of([&] { return torch::cat({a, b}); }), 4 * kBytes);
}

TEST_F(Traffic, IsNoReadOfWhatIsOverwritten) {
  EXPECT_EQ(of([&] { a.zero_(); }), kBytes);
  EXPECT_EQ(of([&] { a.copy_(b); }), 2 * kBytes);
  EXPECT_EQ(of([&] { torch::tanh_out(a, b); }), 2 * kBytes);
  EXPECT_EQ(of([&] { return torch::zeros({6, 5}); }), kBytes);
}

TEST_F(Traffic, IsNoneForAViewOrMemoryWithoutContent) {
  EXPECT_EQ(of([&] { return a.view({5, 6}).t().narrow(0, 0, 1).expand({4, 5}); }), 0);
  EXPECT_EQ(of([&] { return torch::empty_like(a); }), 0);
  EXPECT_EQ(of([&] { b.t_().unsqueeze_(0); }), 0);
}

TEST_F(Traffic, HasOneCopyOfWhatIsRepeated) {
  const auto row = torch::ones({1, 5}).expand({6, 5});
  EXPECT_EQ(of([&] { return a + row; }), 2 * kBytes + bytes(5));
}

TEST_F(Traffic, OfAProductHasEachFactorOnce) {
  const auto factor = torch::ones({5, 7});
  EXPECT_EQ(of([&] { return torch::mm(a, factor); }), kBytes + bytes(35) + bytes(42));
}

TEST_F(Traffic, IsCountedOnceWhereOneOperatorCallsAnother) {
  EXPECT_EQ(of([&] { return a.t().reshape({30}); }), 2 * kBytes);  // a copy of another order
  EXPECT_EQ(of([&] { return torch::zeros_like(a); }), kBytes);
}

TEST_F(Traffic, IsThatOfAnOperatorWhichZeroesItsResultFirst) {
  const auto image = torch::rand({1, 1, 4, 4});
  const auto [pooled, indices] = torch::max_pool2d_with_indices(image, 2);
  const auto gradient = torch::ones({1, 1, 2, 2});
  const auto operands = bytes(16) + bytes(4) + 2 * bytes(4);  // the indices are of 8 bytes each
  EXPECT_EQ(of([&, &of_pooled = gradient, &places = indices] {
              return torch::max_pool2d_with_indices_backward(of_pooled, image, {2, 2}, {2, 2},
                                                             {0, 0}, {1, 1}, false, places);
            }),
            operands + bytes(16) + bytes(16));  // written twice
}

TEST_F(Traffic, IsToldByOperator) {
  const TrafficCount count;
  a.add_(b);
  a.tanh_();
  a.tanh_();

  const std::map<std::string, std::int64_t> expected = {{"aten::add_", 3 * kBytes},
                                                        {"aten::tanh_", 4 * kBytes}};
  EXPECT_EQ(count.bytes_by_operator(), expected);
}

TEST_F(Traffic, IsThatOfBackwardPassesToo) {
  a.requires_grad_();
  const auto sum = a.tanh().sum();
  // tanh_backward reads the gradient, one number repeated, and the values, and writes
  EXPECT_GE(of([&] { sum.backward(); }), 2 * kBytes);
}

}  // namespace
}  // namespace bench
