#pragma once

#include <cstdint>
#include <map>
#include <string>

#include <ATen/record_function.h>

namespace bench {

/// While it lives, adds up the bytes that LibTorch's operators read and write, in all threads:
/// every operand once and every result once, of what is repeated along a dimension a single copy.
/// That is what a device's memory moves if it keeps nothing from one operator to the next and a
/// product reads its factors once. Not seen: kernels that are no operators, such as ours for a CPU,
/// and what is done again by replaying a graph.
///
///   const TrafficCount count;
///   train();
///   count.bytes();
///   count.bytes_by_operator().at("aten::bmm");
class TrafficCount {
 public:
  TrafficCount();
  ~TrafficCount();
  TrafficCount(const TrafficCount&) = delete;
  TrafficCount& operator=(const TrafficCount&) = delete;

  std::int64_t bytes() const;
  std::map<std::string, std::int64_t> bytes_by_operator() const;

 private:
  at::CallbackHandle handle_ = 0;
};

}  // namespace bench
