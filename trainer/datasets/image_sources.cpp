#include "trainer/datasets/image_sources.hpp"

#include <stdexcept>

namespace trainer {
namespace {

/// Fine labels of animals and people: aquarium_fish, baby, bear, beaver, bee .. woman, worm.
const std::vector<int> kAnimalsAndPeople = {1,  2,  3,  4,  6,  7,  11, 14, 15, 18, 19, 21, 24,
                                            26, 27, 29, 30, 31, 32, 34, 35, 36, 38, 42, 43, 44,
                                            45, 46, 50, 55, 63, 64, 65, 66, 67, 72, 73, 74, 75,
                                            77, 78, 79, 80, 88, 91, 93, 95, 97, 98, 99};

ImageSource mnist() {
  return {.name = "mnist",
          .format = ImageFormat::mnist,
          .foreground = {0, 1, 2},
          .split = "images_test",
          .hint =
              "put the idx files train-images-idx3-ubyte, train-labels-idx1-ubyte, "
              "t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte there, each plain or .gz; "
              "'./dev data mnist' fetches MNIST"};
}

ImageSource cifar10() {
  return {.name = "cifar10",
          .format = ImageFormat::cifar10,
          .foreground = {0, 1, 2},  // plane, car, bird
          .split = "index_range",
          .hint =
              "put data_batch_1.bin to data_batch_5.bin and test_batch.bin of CIFAR-10's "
              "binary version there; './dev data cifar10' fetches them"};
}

ImageSource cifar100() {
  return {.name = "cifar100",
          .format = ImageFormat::cifar100,
          .foreground = kAnimalsAndPeople,
          .split = "index_range",
          .hint =
              "put train.bin and test.bin of CIFAR-100's binary version there; './dev data "
              "cifar100' fetches them"};
}

}  // namespace

const std::vector<ImageSource>& image_sources() {
  static const std::vector<ImageSource> sources = {mnist(), cifar10(), cifar100()};
  return sources;
}

const ImageSource& find_image_source(const std::string& name) {
  for (const auto& source : image_sources())
    if (source.name == name) return source;
  throw std::invalid_argument("there are no images '" + name + "'");
}

}  // namespace trainer
