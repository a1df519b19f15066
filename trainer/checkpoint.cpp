#include "trainer/checkpoint.hpp"

#include <algorithm>
#include <cstring>
#include <string_view>

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <unistd.h>
#define XXH_INLINE_ALL  // header only
#include <xxhash.h>

#include "protocol/file.hpp"

namespace trainer {
namespace {

using nlohmann::json;

constexpr std::string_view kMarker = "mpsckpt1";
constexpr std::size_t kHeaderBytes = kMarker.size() + sizeof(XXH64_hash_t);

json to_json(const torch::Tensor& tensor) {
  const auto values = tensor.cpu().contiguous();
  const auto* begin = static_cast<const std::uint8_t*>(values.const_data_ptr());
  return {{"type", static_cast<int>(values.scalar_type())},
          {"sizes", values.sizes().vec()},
          {"bytes", json::binary({begin, begin + values.nbytes()})}};
}

torch::Tensor tensor_from(const json& object) {
  const auto& bytes = object.at("bytes").get_binary();
  auto tensor = torch::empty(object.at("sizes").get<std::vector<std::int64_t>>(),
                             static_cast<torch::ScalarType>(object.at("type").get<int>()));
  if (tensor.nbytes() != bytes.size()) throw CheckpointError("a tensor is cut");
  std::memcpy(tensor.mutable_data_ptr(), bytes.data(), bytes.size());
  return tensor;
}

json to_json(const Checkpoint& checkpoint) {
  auto tensors = json::object();
  for (const auto& [name, tensor] : checkpoint.tensors)
    tensors[name] = to_json(tensor);
  return {{"identity", checkpoint.identity},
          {"ids", checkpoint.ids},
          {"next_batch", checkpoint.next_batch},
          {"elapsed_s", checkpoint.elapsed_s},
          {"tensors", std::move(tensors)}};
}

Checkpoint checkpoint_from(const json& object) {
  Checkpoint checkpoint = {.identity = object.at("identity"),
                           .ids = object.at("ids"),
                           .next_batch = object.at("next_batch"),
                           .elapsed_s = object.at("elapsed_s")};
  for (const auto& [name, tensor] : object.at("tensors").items())
    checkpoint.tensors[name] = tensor_from(tensor);
  return checkpoint;
}

/// Marker and checksum of the bytes that follow.
std::string header_of(const std::vector<std::uint8_t>& body) {
  const auto hash = XXH3_64bits(body.data(), body.size());
  std::string header(kMarker);
  header.append(reinterpret_cast<const char*>(&hash), sizeof(hash));
  return header;
}

std::string_view as_text(const std::vector<std::uint8_t>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Checkpoint parse(const std::string& header, const std::vector<std::uint8_t>& body) {
  if (!header.starts_with(kMarker)) throw CheckpointError("it is no checkpoint");
  if (header != header_of(body)) throw CheckpointError("its checksum is wrong");
  try {
    return checkpoint_from(json::from_cbor(body));
  } catch (const json::exception& error) {
    throw CheckpointError(error.what());
  }
}

}  // namespace

Checkpoint select(const Checkpoint& checkpoint, const std::vector<std::string>& ids) {
  std::vector<std::int64_t> rows;
  for (const auto& id : ids) {
    const auto found = std::ranges::find(checkpoint.ids, id);
    if (found == checkpoint.ids.end()) throw CheckpointError("trial " + id + " is not in it");
    rows.push_back(found - checkpoint.ids.begin());
  }
  auto selected = checkpoint;
  selected.ids = ids;
  const auto index = torch::tensor(rows);
  for (auto& [name, tensor] : selected.tensors)
    tensor = tensor.index_select(/*dim=*/0, index.to(tensor.device()));
  return selected;
}

void write_checkpoint(const std::filesystem::path& path, const Checkpoint& checkpoint) {
  const auto body = json::to_cbor(to_json(checkpoint));
  const auto temporary = std::filesystem::path(path) += ".new." + std::to_string(getpid());
  try {
    protocol::File file(temporary, O_WRONLY | O_CREAT | O_TRUNC);
    file.write_all(header_of(body));
    file.write_all(as_text(body));
    protocol::replace_file(temporary, path);
  } catch (const protocol::StorageError&) {
    std::error_code ignored;
    std::filesystem::remove(temporary, ignored);  // on a full disk every byte counts
    throw;
  }
}

std::optional<Checkpoint> read_checkpoint(const std::filesystem::path& path) {
  if (!std::filesystem::exists(path)) return std::nullopt;
  const protocol::File file(path, O_RDONLY);
  std::string header(kHeaderBytes, '\0');
  std::vector<std::uint8_t> body(std::max(file.size_bytes(), kHeaderBytes) - kHeaderBytes);
  file.read_at(0, header);
  file.read_at(kHeaderBytes, {reinterpret_cast<char*>(body.data()), body.size()});
  return parse(header, body);
}

}  // namespace trainer
