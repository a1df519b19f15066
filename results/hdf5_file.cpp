#include "results/hdf5_file.hpp"

#include <algorithm>
#include <functional>
#include <limits>
#include <numeric>
#include <type_traits>
#include <utility>

#include <hdf5.h>
#include <hdf5_hl.h>

#include "results/file.hpp"

namespace results {
namespace {

static_assert(std::is_same_v<hid_t, Hdf5Handle::Id>);

constexpr double kFillValue = std::numeric_limits<double>::quiet_NaN();
constexpr unsigned kCreationOrder = H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED;
constexpr unsigned kDeflateLevel = 1;              // higher ones gain few percent on noisy curves
constexpr std::size_t kNumbersPerChunk = 1 << 15;  // 256 KB
constexpr std::size_t kTextsPerBlock = 1 << 14;
constexpr std::size_t kMemoryStep = 1 << 24;  // by which a file grows, 16 MB

// Of the oldest superblock: flags which say that somebody has the file open.
constexpr std::size_t kFlagsOffset = 20;
constexpr std::size_t kFlagsBytes = 4;

// --- errors ---

/// Keeps the first entry, that of the function where it went wrong.
herr_t keep_description(unsigned /*depth*/, const H5E_error2_t* entry, void* text) {
  if (entry->desc != nullptr) *static_cast<std::string*>(text) = entry->desc;
  return 1;
}

[[noreturn]] void fail(const char* call) {
  std::string reason = "no reason given";
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_description, &reason);
  throw StorageError(std::string(call) + ": " + reason);
}

void check(herr_t status, const char* call) {
  if (status < 0) fail(call);
}

Hdf5Handle handle(hid_t id, Hdf5Handle::Close close, const char* call) {
  if (id < 0) fail(call);
  return {id, close};
}

// --- types and spaces ---

Hdf5Handle text_type() {
  auto type = handle(H5Tcopy(H5T_C_S1), H5Tclose, "H5Tcopy");
  check(H5Tset_size(type.id(), H5T_VARIABLE), "H5Tset_size");
  check(H5Tset_cset(type.id(), H5T_CSET_UTF8), "H5Tset_cset");
  return type;
}

struct NumberType {
  hid_t file;
  hid_t memory;
};

template <class Number>
NumberType number_type() {
  if constexpr (std::is_same_v<Number, double>) return {H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE};
  if constexpr (std::is_same_v<Number, std::int64_t>) return {H5T_STD_I64LE, H5T_NATIVE_INT64};
  if constexpr (std::is_same_v<Number, std::int8_t>) return {H5T_STD_I8LE, H5T_NATIVE_INT8};
}

std::size_t product(std::span<const std::size_t> extents) {
  return std::reduce(extents.begin(), extents.end(), std::size_t{1}, std::multiplies<>());
}

Hdf5Handle space_of(std::span<const std::size_t> extents) {
  const std::vector<hsize_t> sizes(extents.begin(), extents.end());
  return handle(H5Screate_simple(static_cast<int>(sizes.size()), sizes.data(), nullptr), H5Sclose,
                "H5Screate_simple");
}

// --- property lists ---

Hdf5Handle properties(hid_t kind) {
  return handle(H5Pcreate(kind), H5Pclose, "H5Pcreate");
}

/// For files and groups: names keep their order, no times.
Hdf5Handle group_properties(hid_t kind) {
  auto list = properties(kind);
  check(H5Pset_link_creation_order(list.id(), kCreationOrder), "H5Pset_link_creation_order");
  check(H5Pset_attr_creation_order(list.id(), kCreationOrder), "H5Pset_attr_creation_order");
  check(H5Pset_obj_track_times(list.id(), false), "H5Pset_obj_track_times");
  return list;
}

Hdf5Handle dataset_properties() {
  auto list = properties(H5P_DATASET_CREATE);
  check(H5Pset_attr_creation_order(list.id(), kCreationOrder), "H5Pset_attr_creation_order");
  check(H5Pset_obj_track_times(list.id(), false), "H5Pset_obj_track_times");
  return list;
}

Hdf5Handle compressed_properties(std::span<const std::size_t> extents, std::size_t rows) {
  auto list = dataset_properties();
  std::vector<hsize_t> chunk(extents.begin(), extents.end());
  chunk.front() = rows;
  check(H5Pset_chunk(list.id(), static_cast<int>(chunk.size()), chunk.data()), "H5Pset_chunk");
  check(H5Pset_fill_value(list.id(), H5T_NATIVE_DOUBLE, &kFillValue), "H5Pset_fill_value");
  check(H5Pset_shuffle(list.id()), "H5Pset_shuffle");
  check(H5Pset_deflate(list.id(), kDeflateLevel), "H5Pset_deflate");
  return list;
}

/// In memory alone, in a form that HDF5 reads from 1.8 on. The oldest superblock has no checksum:
/// H5Fget_file_image of 1.10 breaks that of the newer ones.
Hdf5Handle access_properties() {
  auto list = properties(H5P_FILE_ACCESS);
  check(H5Pset_libver_bounds(list.id(), H5F_LIBVER_EARLIEST, H5F_LIBVER_V18),
        "H5Pset_libver_bounds");
  check(H5Pset_fapl_core(list.id(), kMemoryStep, /*backing_store=*/false), "H5Pset_fapl_core");
  return list;
}

// --- attributes ---

void put_attribute(hid_t object, const std::string& name, hid_t type, const Hdf5Handle& space,
                   const void* value) {
  const auto attribute =
      handle(H5Acreate2(object, name.c_str(), type, space.id(), H5P_DEFAULT, H5P_DEFAULT), H5Aclose,
             "H5Acreate");
  check(H5Awrite(attribute.id(), type, value), "H5Awrite");
}

void put_text(hid_t object, const std::string& name, const std::string& text) {
  const auto space = handle(H5Screate(H5S_SCALAR), H5Sclose, "H5Screate");
  const char* characters = text.c_str();
  put_attribute(object, name, text_type().id(), space, &characters);
}

void put_label(const Hdf5Handle& dataset, const VariableLabel& label) {
  put_text(dataset.id(), "units", label.units);
  put_text(dataset.id(), "long_name", label.long_name.empty() ? label.name : label.long_name);
}

/// Says that NaN means missing.
void put_fill_value(const Hdf5Handle& dataset) {
  const std::size_t one = 1;
  put_attribute(dataset.id(), "_FillValue", H5T_IEEE_F64LE, space_of({&one, 1}), &kFillValue);
}

// --- data sets ---

Hdf5Handle add_dataset(const Hdf5Handle& group, const std::string& name, hid_t type,
                       const Hdf5Handle& space, const Hdf5Handle& creation) {
  return handle(H5Dcreate2(group.id(), name.c_str(), type, space.id(), H5P_DEFAULT, creation.id(),
                           H5P_DEFAULT),
                H5Dclose, "H5Dcreate");
}

void write_all(const Hdf5Handle& dataset, hid_t type, const void* values) {
  check(H5Dwrite(dataset.id(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values), "H5Dwrite");
}

/// Writes the rows of a dataset from `first_row` on.
void write_block(const Hdf5Handle& dataset, hid_t type, std::span<const std::size_t> extents,
                 std::size_t first_row, std::size_t num_rows, const void* values) {
  std::vector<std::size_t> block(extents.begin(), extents.end());
  block.front() = num_rows;
  std::vector<hsize_t> start(extents.size(), 0);
  start.front() = first_row;
  const std::vector<hsize_t> count(block.begin(), block.end());
  const auto selected = space_of(extents);
  check(H5Sselect_hyperslab(selected.id(), H5S_SELECT_SET, start.data(), nullptr, count.data(),
                            nullptr),
        "H5Sselect_hyperslab");
  check(H5Dwrite(dataset.id(), type, space_of(block).id(), selected.id(), H5P_DEFAULT, values),
        "H5Dwrite");
}

Hdf5Handle add_column(const Hdf5Handle& group, const std::string& name, const Texts& texts) {
  const auto type = text_type();
  const std::span extents(&texts.count, 1);
  auto dataset = add_dataset(group, name, type.id(), space_of(extents), dataset_properties());
  for (std::size_t first = 0; first < texts.count; first += kTextsPerBlock) {
    std::vector<std::string> block(std::min(kTextsPerBlock, texts.count - first));
    std::vector<const char*> pointers(block.size());
    for (std::size_t i = 0; i < block.size(); ++i) {
      block[i] = texts.at(first + i);
      pointers[i] = block[i].c_str();
    }
    write_block(dataset, type.id(), extents, first, block.size(), pointers.data());
  }
  return dataset;
}

Hdf5Handle add_column(const Hdf5Handle& group, const std::string& name,
                      const std::vector<std::string>& texts) {
  return add_column(group, name, Texts{.count = texts.size(), .at = [&texts](std::size_t index) {
                                         return texts[index];
                                       }});
}

template <class Number>
Hdf5Handle add_column(const Hdf5Handle& group, const std::string& name,
                      const std::vector<Number>& numbers) {
  const auto length = numbers.size();
  const auto type = number_type<Number>();
  auto dataset = add_dataset(group, name, type.file, space_of({&length, 1}), dataset_properties());
  write_all(dataset, type.memory, numbers.data());
  return dataset;
}

void attach(const Hdf5Handle& dataset, const Hdf5Handle& scale, std::size_t dimension_index) {
  check(H5DSattach_scale(dataset.id(), scale.id(), static_cast<unsigned>(dimension_index)),
        "H5DSattach_scale");
}

Hdf5Handle create_file() {
  check(H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr), "H5Eset_auto");  // the exception tells it all
  return handle(H5Fcreate("in memory", H5F_ACC_TRUNC, group_properties(H5P_FILE_CREATE).id(),
                          access_properties().id()),
                H5Fclose, "H5Fcreate");
}

}  // namespace

std::string hdf5_version() {
  unsigned major = 0;
  unsigned minor = 0;
  unsigned release = 0;
  check(H5get_libversion(&major, &minor, &release), "H5get_libversion");
  return std::to_string(major) + '.' + std::to_string(minor) + '.' + std::to_string(release);
}

Hdf5Handle::~Hdf5Handle() {
  if (id_ >= 0) close_(id_);
}

Hdf5Handle::Hdf5Handle(Hdf5Handle&& other) noexcept
    : id_(std::exchange(other.id_, H5I_INVALID_HID)), close_(other.close_) {}

Hdf5Array::Hdf5Array(Hdf5Handle dataset, std::vector<std::size_t> extents,
                     std::size_t rows_per_block)
    : dataset_(std::move(dataset)), extents_(std::move(extents)), rows_per_block_(rows_per_block) {}

std::size_t Hdf5Array::numbers_per_row() const {
  return product(std::span(extents_).subspan(1));
}

void Hdf5Array::write_rows(std::size_t first_row, std::span<const double> block) {
  write_block(dataset_, H5T_NATIVE_DOUBLE, extents_, first_row, block.size() / numbers_per_row(),
              block.data());
}

void Hdf5Group::put_attribute(const std::string& name, const std::string& text) {
  put_text(group_.id(), name, text);
}

void Hdf5Group::add_dimension(const VariableLabel& label, const Cells& coordinates) {
  const auto length = std::visit([](const auto& cells) { return cells.size(); }, coordinates);
  keep_dimension(label.name, add_cells(label, coordinates), length);
}

void Hdf5Group::add_dimension(const VariableLabel& label, const Texts& coordinates) {
  keep_dimension(label.name, add_texts(label, coordinates), coordinates.count);
}

void Hdf5Group::keep_dimension(const std::string& name, Hdf5Handle scale, std::size_t length) {
  check(H5DSset_scale(scale.id(), name.c_str()), "H5DSset_scale");
  dimensions_.emplace(name, Dimension{std::move(scale), length});
}

void Hdf5Group::add_variable(const VariableLabel& label, const std::string& dimension,
                             const Cells& cells) {
  const auto dataset = add_cells(label, cells);
  if (std::holds_alternative<std::vector<double>>(cells)) put_fill_value(dataset);
  attach(dataset, dimensions_.at(dimension).scale, 0);
}

void Hdf5Group::add_variable(const VariableLabel& label, const std::string& dimension,
                             const Texts& texts) {
  attach(add_texts(label, texts), dimensions_.at(dimension).scale, 0);
}

Hdf5Array Hdf5Group::add_array(const VariableLabel& label,
                               std::span<const std::string> dimensions) {
  std::vector<std::size_t> extents;
  for (const auto& name : dimensions)
    extents.push_back(dimensions_.at(name).length);
  const auto per_row = product(std::span(extents).subspan(1));
  const auto rows = std::clamp<std::size_t>(kNumbersPerChunk / per_row, 1, extents.front());
  auto dataset = add_dataset(group_, label.name, H5T_IEEE_F64LE, space_of(extents),
                             compressed_properties(extents, rows));
  put_label(dataset, label);
  put_fill_value(dataset);
  for (std::size_t i = 0; i < dimensions.size(); ++i) {
    attach(dataset, dimensions_.at(dimensions[i]).scale, i);
  }
  return {std::move(dataset), std::move(extents), rows};
}

Hdf5Group Hdf5Group::add_group(const std::string& name) {
  return Hdf5Group(handle(H5Gcreate2(group_.id(), name.c_str(), H5P_DEFAULT,
                                     group_properties(H5P_GROUP_CREATE).id(), H5P_DEFAULT),
                          H5Gclose, "H5Gcreate"));
}

Hdf5Handle Hdf5Group::add_cells(const VariableLabel& label, const Cells& cells) {
  auto dataset =
      std::visit([&](const auto& values) { return add_column(group_, label.name, values); }, cells);
  put_label(dataset, label);
  return dataset;
}

Hdf5Handle Hdf5Group::add_texts(const VariableLabel& label, const Texts& texts) {
  auto dataset = add_column(group_, label.name, texts);
  put_label(dataset, label);
  return dataset;
}

Hdf5File::Hdf5File()
    : file_(create_file()),
      root_(handle(H5Gopen2(file_.id(), "/", H5P_DEFAULT), H5Gclose, "H5Gopen")) {}

std::string_view Hdf5File::image() {
  check(H5Fflush(file_.id(), H5F_SCOPE_LOCAL), "H5Fflush");
  const auto size_bytes = H5Fget_file_image(file_.id(), nullptr, 0);
  if (size_bytes < 0) fail("H5Fget_file_image");
  void* memory = nullptr;
  check(H5Fget_vfd_handle(file_.id(), H5P_DEFAULT, &memory), "H5Fget_vfd_handle");
  auto* bytes = *static_cast<char**>(memory);
  std::fill_n(bytes + kFlagsOffset, kFlagsBytes, '\0');
  return {bytes, static_cast<std::size_t>(size_bytes)};
}

}  // namespace results
