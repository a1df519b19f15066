#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "trainer/datasets/data_set.hpp"

namespace trainer {

/// Which images make one mosaic: positions in the pools of background and foreground images.
struct MosaicDraw {
  std::vector<std::uint32_t> backgrounds = {};  ///< fill the other segments in this order
  std::uint32_t foreground = 0;
  std::uint32_t position = 0;  ///< segment of the foreground
};

/// The draws of mosaic `index`: its backgrounds, its foreground, its position, in this order from a
/// generator seeded with the index.
///
/// Ranges: num_segments >= 2, num_backgrounds and num_foregrounds >= 1
/// Source: Vashisht and Ramaswamy, ECAI 2023, their published code, bit for bit
MosaicDraw draw_mosaic(std::uint32_t index, std::uint32_t num_segments,
                       std::uint32_t num_backgrounds, std::uint32_t num_foregrounds);

/// Real images side by side, one of a foreground class among others of background classes; the
/// label is the position of its class in `foreground`. Training mosaics are 0 .. train_size - 1 of
/// the folder's training images. Test mosaics are, by `split`,
///   index_range: the next test_size of the training images, which they share with training;
///   images_test: 0 .. test_size - 1 of the folder's test images.
/// `position: first` puts the foreground into segment 0 in place of drawing its position.
DataSetKind mosaic_kind();

}  // namespace trainer
