#pragma once

#include <cstddef>
#include <memory>
#include <string>

namespace trainer {

/// A hash of contents that stands for them in a trial's identity: XXH3 of 64 bits.
class Fingerprint {
 public:
  Fingerprint();
  ~Fingerprint();
  Fingerprint(const Fingerprint&) = delete;
  Fingerprint& operator=(const Fingerprint&) = delete;

  void add(const void* bytes, std::size_t size);

  /// Of all that was added, one after the other: 16 hex digits.
  std::string text() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace trainer
