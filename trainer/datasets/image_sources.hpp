#pragma once

#include <string>
#include <vector>

#include "trainer/datasets/image_folder.hpp"

namespace trainer {

/// Images that mosaics can be made of: one value of the setting `images`.
struct ImageSource {
  std::string name = {};
  ImageFormat format = ImageFormat::mnist;
  std::vector<int> foreground = {};  ///< classes, unless the settings say which
  std::string split = {};            ///< unless the settings say which
  std::string hint = {};             ///< what belongs into the folder and where it comes from
};

/// All of them; the first is the default.
/// Source: classes and splits of Vashisht and Ramaswamy, ECAI 2023, their published code
const std::vector<ImageSource>& image_sources();

/// Throws: std::invalid_argument if there is none of that name.
const ImageSource& find_image_source(const std::string& name);

}  // namespace trainer
