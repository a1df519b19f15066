/// A file of CIFAR-10, or of CIFAR-100.
#include <optional>

#include "tests/fuzz/fuzzer.hpp"
#include "tests/temporary_folder.hpp"
#include "trainer/datasets/cifar_file.hpp"

namespace {

using fuzz::require;
using trainer::CifarForm;
using trainer::LabelledImages;

constexpr std::size_t kImageBytes = 3072;

/// Nothing if the file is refused.
std::optional<LabelledImages> read_or_nothing(const std::filesystem::path& path, CifarForm form) {
  try {
    return trainer::read_cifar({path}, form);
  } catch (const trainer::DataFileError&) {
    return std::nullopt;
  }
}

void require_image(const LabelledImages& images, std::size_t index, std::string_view record) {
  const auto num_labels = record.size() - kImageBytes;
  require(images.labels[index] == static_cast<std::uint8_t>(record[num_labels - 1]),
          "the last label of a record is its image's");
  const auto* image = images.images.bytes.data() + index * kImageBytes;
  const std::string pixels(image, image + kImageBytes);
  require(pixels == record.substr(num_labels), "the other bytes are the pixels");
}

void try_form(const std::filesystem::path& path, std::string_view input, CifarForm form,
              std::size_t num_labels) {
  const auto images = read_or_nothing(path, form);
  if (!images) return;
  const auto record_bytes = num_labels + kImageBytes;
  const auto count = images->labels.size();
  require(count * record_bytes == input.size(), "every byte belongs to a record");
  require(images->images.bytes.size() == count * kImageBytes, "every record is one image");
  for (std::size_t i = 0; i < count; ++i)
    require_image(*images, i, input.substr(i * record_bytes, record_bytes));
}

}  // namespace

void fuzz::try_input(std::string_view input) {
  static const TemporaryFolder folder;
  const auto path = folder.write("file", std::string(input));
  try_form(path, input, CifarForm::cifar10, 1);
  try_form(path, input, CifarForm::cifar100, 2);
}
