#pragma once

#include "protocol/file.hpp"

namespace results {

using protocol::describe_system_error;
using protocol::File;
using protocol::replace_content;
using protocol::replace_file;
using protocol::StorageError;
using protocol::sync_folder_of;

}  // namespace results
