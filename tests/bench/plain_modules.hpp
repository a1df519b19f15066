#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <torch/torch.h>

/// What mpisweep is compared with: LibTorch's own modules and operators as a person would put them
/// together for a single trial, samples outermost.
namespace bench {

/// One network scores the segments, the other classifies segments or their blend.
struct AttentionModel {
  torch::nn::Sequential focus;
  torch::nn::Sequential classifier;

  std::vector<torch::Tensor> parameters() const;
  void to(torch::Device device);
};

AttentionModel make_linear(std::int64_t features, std::int64_t classes);

/// With tanh.
AttentionModel make_mlp(std::int64_t features, std::int64_t hidden, std::int64_t classes);

/// For images of 3 x 32 x 32.
/// Source: Vashisht and Ramaswamy, ECAI 2023, their Focus_cnn and Classification_cnn
AttentionModel make_cnn(std::int64_t classes);

struct Outputs {
  torch::Tensor scores;  ///< [B, m]
  torch::Tensor log_p;   ///< [B, C] of the blend for the loss "soft", else [B, m, C]
};

/// Shapes: mosaics [B, m, ...]
Outputs forward(AttentionModel& model, const std::string& loss, const torch::Tensor& mosaics);

/// Ranges: loss "soft", "hard" or "lvml"      Shapes: labels [B] -> []
torch::Tensor mean_loss(const std::string& loss, const Outputs& outputs,
                        const torch::Tensor& labels);

}  // namespace bench
