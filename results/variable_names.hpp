#pragma once

#include <set>
#include <string>

/// Which names the variables and dimensions of results.h5 can have.
namespace results {

/// What every results.h5 holds, whatever its study: no axis, variable or dimension is called so.
const std::set<std::string>& reserved_names();

/// Why neither HDF5 nor netCDF can hold a variable of this name, as the end of a sentence: "is
/// empty". Empty if they can.
std::string flaw_of_name(const std::string& name);

}  // namespace results
