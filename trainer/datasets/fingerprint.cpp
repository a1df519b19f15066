#include "trainer/datasets/fingerprint.hpp"

#include <array>
#include <cstdio>

#define XXH_INLINE_ALL  // header only
#include <xxhash.h>

namespace trainer {

struct Fingerprint::State {
  XXH3_state_t hash = {};
};

Fingerprint::Fingerprint() : state_(std::make_unique<State>()) {
  XXH3_64bits_reset(&state_->hash);
}

Fingerprint::~Fingerprint() = default;

void Fingerprint::add(const void* bytes, std::size_t size) {
  XXH3_64bits_update(&state_->hash, bytes, size);
}

std::string Fingerprint::text() const {
  std::array<char, 17> text = {};
  std::snprintf(text.data(), text.size(), "%016llx",
                static_cast<unsigned long long>(XXH3_64bits_digest(&state_->hash)));
  return text.data();
}

}  // namespace trainer
