#pragma once

#include <string>
#include <vector>

namespace sweep {

/// Names sorted and in short, as Slurm writes nodes: "gpu3,n[1-2,07-09]"; bare numbers as "0-3,5".
/// Of a list that would be longer than about `longest` bytes, the beginning and "and 12 more".
std::string to_name_list(std::vector<std::string> names, std::size_t longest = 60);

}  // namespace sweep
