#pragma once

#include "trainer/torch.hpp"

/// What kernels of our own compute with: single and double precision on a CPU.
namespace trainer {

inline bool has_kernel_type(const torch::Tensor& tensor) {
  const auto type = tensor.scalar_type();
  return tensor.is_cpu() && (type == torch::kFloat || type == torch::kDouble);
}

/// Calls the task with a number of the tensor's type.
template <class Task>
auto call_for_type_of(const torch::Tensor& tensor, const Task& task) {
  if (tensor.scalar_type() == torch::kDouble) return task(double());
  return task(float());
}

}  // namespace trainer
