#pragma once

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/headeronly/version.h>

/// The one door to LibTorch: tensors, their operators and their gradients. All of <torch/torch.h>
/// would make every file take five times as long to compile.
namespace torch {
using namespace at;  // NOLINT(google-build-using-namespace): as LibTorch's own <torch/types.h> does
}  // namespace torch
