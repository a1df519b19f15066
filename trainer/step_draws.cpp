#include "trainer/step_draws.hpp"

#include <bit>

namespace trainer {
namespace {

constexpr std::uint64_t kGamma = 0x9e3779b97f4a7c15;  // of SplitMix64

std::int64_t as_signed(std::uint64_t bits) {
  return std::bit_cast<std::int64_t>(bits);
}

/// numbers >> num_bits, filled up with zeros.
torch::Tensor shift_right(const torch::Tensor& numbers, int num_bits) {
  return numbers.bitwise_right_shift(num_bits).bitwise_and(as_signed(~0ULL >> num_bits));
}

}  // namespace

std::int64_t step_number(std::int64_t epoch, std::int64_t batch) {
  return (epoch << 32) + batch + 1;
}

torch::Tensor mix_bits(const torch::Tensor& numbers) {
  auto mixed = numbers.bitwise_xor(shift_right(numbers, 30)) * as_signed(0xbf58476d1ce4e5b9);
  mixed = mixed.bitwise_xor(shift_right(mixed, 27)) * as_signed(0x94d049bb133111eb);
  return mixed.bitwise_xor(shift_right(mixed, 31));
}

torch::Tensor draw_uniform(const Moment& moment, Purpose purpose, std::int64_t count,
                           torch::ScalarType type) {
  const auto stream = 2 * static_cast<std::uint64_t>(purpose) + (moment.is_training ? 0 : 1);
  auto of_trials = mix_bits(moment.seeds + moment.step * as_signed(kGamma));  // [T]
  if (stream > 0) of_trials = mix_bits(of_trials + as_signed(stream * kGamma));
  const auto positions = torch::arange(1, count + 1, moment.seeds.options());          // [count]
  const auto bits = mix_bits(of_trials.unsqueeze(1) + positions * as_signed(kGamma));  // [T, count]
  return shift_right(bits, 40).to(type) * 0x1p-24;
}

}  // namespace trainer
