#pragma once

#include "protocol/file.hpp"

namespace results {

using protocol::File;
using protocol::replace_file;
using protocol::StorageError;
using protocol::sync_folder_of;

}  // namespace results
