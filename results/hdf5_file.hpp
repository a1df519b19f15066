#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

/// The one door to HDF5: writes files that every netCDF-4 reader understands, with a scale for each
/// dimension, UTF-8 text of any length, names in the order in which they were made, and no times,
/// so that equal content gives equal bytes.
/// Throws: StorageError with the failed call and HDF5's reason, from every function.
namespace results {

/// The library in use: "1.10.8".
std::string hdf5_version();

/// Owns what the C library hands out.
class Hdf5Handle {
 public:
  using Id = std::int64_t;
  using Close = int (*)(Id);

  Hdf5Handle(Id id, Close close) : id_(id), close_(close) {}
  ~Hdf5Handle();
  Hdf5Handle(Hdf5Handle&& other) noexcept;
  Hdf5Handle& operator=(Hdf5Handle&&) = delete;
  Hdf5Handle(const Hdf5Handle&) = delete;
  Hdf5Handle& operator=(const Hdf5Handle&) = delete;

  Id id() const { return id_; }

 private:
  Id id_;
  Close close_;
};

/// The values of a variable along one dimension: text, or numbers of one type.
using Cells = std::variant<std::vector<std::string>, std::vector<std::int64_t>,
                           std::vector<std::int8_t>, std::vector<double>>;

/// Text along one dimension that is made when it is written: a million of them would take 60 MB.
struct Texts {
  std::size_t count = 0;
  std::function<std::string(std::size_t index)> at = {};
};

/// What a reader is told of a variable.
struct VariableLabel {
  std::string name = {};
  std::string units = "1";
  std::string long_name = {};
};

/// An array of numbers whose first dimension is written in blocks of whole rows. Compressed.
class Hdf5Array {
 public:
  Hdf5Array(Hdf5Handle dataset, std::vector<std::size_t> extents, std::size_t rows_per_block);

  const std::vector<std::size_t>& extents() const { return extents_; }
  std::size_t numbers_per_row() const;

  /// Blocks of this many rows, from row 0 on, are written without compressing anything twice.
  std::size_t rows_per_block() const { return rows_per_block_; }

  /// The block's length is a multiple of numbers_per_row().
  void write_rows(std::size_t first_row, std::span<const double> block);

 private:
  Hdf5Handle dataset_;
  std::vector<std::size_t> extents_;
  std::size_t rows_per_block_;
};

/// A group with dimensions of its own.
class Hdf5Group {
 public:
  explicit Hdf5Group(Hdf5Handle group) : group_(std::move(group)) {}

  void put_attribute(const std::string& name, const std::string& text);

  /// A dimension as long as its coordinates, which are a variable of the same name.
  void add_dimension(const VariableLabel& label, const Cells& coordinates);
  void add_dimension(const VariableLabel& label, const Texts& coordinates);

  /// A variable along one dimension that was added before. NaN means missing.
  void add_variable(const VariableLabel& label, const std::string& dimension, const Cells& cells);
  void add_variable(const VariableLabel& label, const std::string& dimension, const Texts& texts);

  /// A variable along several dimensions that were added before. NaN means missing.
  Hdf5Array add_array(const VariableLabel& label, std::span<const std::string> dimensions);

  Hdf5Group add_group(const std::string& name);

 private:
  struct Dimension {
    Hdf5Handle scale;
    std::size_t length;
  };

  Hdf5Handle add_cells(const VariableLabel& label, const Cells& cells);
  Hdf5Handle add_texts(const VariableLabel& label, const Texts& texts);
  void keep_dimension(const std::string& name, Hdf5Handle scale, std::size_t length);

  Hdf5Handle group_;
  std::map<std::string, Dimension> dimensions_ = {};
};

/// A new file, made in memory: HDF5 crashes after a failed write (1.10 does, on a full disk), so it
/// never meets the disk. Compressed, the file is smaller than the numbers it is made of.
class Hdf5File {
 public:
  Hdf5File();

  Hdf5Group& root() { return root_; }

  /// The bytes to store, which stay in the file. Arrays and groups of the file must be gone by
  /// then, but for the root.
  std::string_view image();

 private:
  Hdf5Handle file_;
  Hdf5Group root_;
};

}  // namespace results
