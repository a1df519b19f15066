/// An idx file, plain or gzip.
#include <functional>
#include <numeric>
#include <optional>

#include "tests/fuzz/fuzzer.hpp"
#include "tests/temporary_folder.hpp"
#include "tests/trainer/idx_writer.hpp"
#include "trainer/datasets/idx_file.hpp"

namespace {

using fuzz::require;
using trainer::ByteArray;

/// Nothing if the file is refused.
std::optional<ByteArray> read_or_nothing(const std::filesystem::path& path) {
  try {
    return trainer::read_idx(path);
  } catch (const trainer::DataFileError&) {
    return std::nullopt;
  }
}

std::string text_of(const ByteArray& array) {
  return idx_text({array.sizes.begin(), array.sizes.end()},
                  {array.bytes.begin(), array.bytes.end()});
}

}  // namespace

void fuzz::try_input(std::string_view input) {
  static const TemporaryFolder folder;
  const auto array = read_or_nothing(folder.write("file", std::string(input)));
  if (!array) return;
  const auto product = std::accumulate(array->sizes.begin(), array->sizes.end(), std::int64_t{1},
                                       std::multiplies<>());
  require(product == std::ssize(array->bytes), "the sizes tell the number of bytes");
  const auto text = text_of(*array);
  require(text == input || input.starts_with("\x1f\x8b"), "a plain file is what it says");
  const auto again = trainer::read_idx(folder.write("file", text));
  require(again.sizes == array->sizes && again.bytes == array->bytes,
          "an array comes back the same");
}
