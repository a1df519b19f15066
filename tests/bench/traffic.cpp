#include "tests/bench/traffic.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/ivalue.h>

namespace bench {
namespace {

/// Backward passes on a GPU have a thread of their own.
std::mutex mutex;
std::map<std::string, std::int64_t> totals;  // guarded by it

/// An operator that has begun and not ended, of this thread.
struct Call : at::ObserverContext {
  std::optional<c10::FunctionSchema> schema = {};
  std::int64_t bytes_read = 0;
  bool called_one_that_moves = false;
};

thread_local std::vector<Call*> calls;  // each within the one before

std::int64_t bytes_of(const at::Tensor& tensor) {
  if (!tensor.defined()) return 0;
  std::int64_t count = 1;
  for (std::int64_t dim = 0; dim < tensor.dim(); ++dim)
    if (tensor.stride(dim) != 0) count *= tensor.size(dim);
  return count * static_cast<std::int64_t>(tensor.element_size());
}

std::int64_t bytes_of(const c10::IValue& value) {
  if (value.isTensor()) return bytes_of(value.toTensor());
  std::int64_t sum = 0;
  if (value.isTensorList())
    for (const at::Tensor& tensor : value.toTensorVector())
      sum += bytes_of(tensor);
  return sum;
}

/// New memory. What fills it is an operator of its own, which is called within.
bool makes_room(std::string_view name) {
  constexpr std::array kBeginnings = {"aten::empty",    "aten::full",     "aten::new_empty",
                                      "aten::new_full", "aten::new_ones", "aten::new_zeros",
                                      "aten::ones",     "aten::resize",   "aten::zeros"};
  return std::ranges::any_of(kBeginnings, [&](auto each) { return name.starts_with(each); });
}

/// Others call these to begin with, and go on with work of their own.
bool fills(std::string_view name) {
  return name == "aten::zero_" || name == "aten::fill_";
}

/// These only write to their first argument.
bool overwrites(std::string_view name) {
  return fills(name) || name == "aten::copy_";
}

/// What they do themselves is not the work of the operators that they call.
bool is_product(std::string_view name) {
  constexpr std::array kNames = {"aten::mm", "aten::addmm", "aten::bmm", "aten::baddbmm"};
  return std::ranges::find(kNames, name) != kNames.end();
}

/// Another look at the memory of an argument, which may take the place of the former; the schemas
/// of some do not say so.
bool is_view(std::string_view name, const c10::FunctionSchema& schema) {
  constexpr std::array kViews = {"aten::_unsafe_view", "aten::as_strided_", "aten::detach_",
                                 "aten::squeeze_",     "aten::t_",          "aten::transpose_",
                                 "aten::unsqueeze_"};
  if (std::ranges::find(kViews, name) != kViews.end()) return true;
  return std::ranges::any_of(schema.returns(), [](const c10::Argument& result) {
    return result.alias_info() != nullptr && !result.alias_info()->isWrite();
  });
}

std::int64_t bytes_read(const at::RecordFunction& function, const c10::FunctionSchema& schema) {
  const auto inputs = function.inputs();
  const auto& arguments = schema.arguments();
  std::int64_t sum = 0;
  for (std::size_t i = overwrites(function.name()) ? 1 : 0; i < inputs.size(); ++i)
    if (!arguments[i].is_out()) sum += bytes_of(inputs[i]);
  return sum;
}

std::int64_t bytes_written(const at::RecordFunction& function) {
  std::int64_t sum = 0;
  for (const auto& output : function.outputs())
    sum += bytes_of(output);
  return sum;
}

std::unique_ptr<at::ObserverContext> begin(const at::RecordFunction& function) {
  auto call = std::make_unique<Call>();
  call->schema = function.operator_schema();
  if (call->schema) call->bytes_read = bytes_read(function, *call->schema);
  calls.push_back(call.get());
  return call;
}

void end(const at::RecordFunction& function, at::ObserverContext* context) {
  if (context == nullptr) return;  // begin() failed, of which LibTorch tells
  const auto* call = static_cast<Call*>(context);
  calls.pop_back();
  if (!call->schema || makes_room(function.name()) || is_view(function.name(), *call->schema))
    return;
  if (!calls.empty() && !fills(function.name())) calls.back()->called_one_that_moves = true;
  if (call->called_one_that_moves && !is_product(function.name())) return;
  const std::lock_guard lock(mutex);
  totals[function.name()] += call->bytes_read + bytes_written(function);
}

}  // namespace

TrafficCount::TrafficCount()
    : handle_(at::addGlobalCallback(at::RecordFunctionCallback(&begin, &end)
                                        .needsInputs(true)
                                        .needsOutputs(true)
                                        .scopes({at::RecordScope::FUNCTION}))) {
  const std::lock_guard lock(mutex);
  totals.clear();
}

TrafficCount::~TrafficCount() {
  at::removeCallback(handle_);
}

std::int64_t TrafficCount::bytes() const {
  std::int64_t sum = 0;
  for (const auto& [name, bytes] : bytes_by_operator())
    sum += bytes;
  return sum;
}

std::map<std::string, std::int64_t> TrafficCount::bytes_by_operator() const {
  const std::lock_guard lock(mutex);
  return totals;
}

}  // namespace bench
