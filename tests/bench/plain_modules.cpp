#include "tests/bench/plain_modules.hpp"

namespace bench {
namespace {

namespace nn = torch::nn;
using torch::Tensor;

nn::Linear unbiased(std::int64_t in, std::int64_t out) {
  return nn::Linear(nn::LinearOptions(in, out).bias(false));
}

nn::Conv2d unbiased(std::int64_t in, std::int64_t out, std::int64_t kernel) {
  return nn::Conv2d(nn::Conv2dOptions(in, out, kernel).bias(false));
}

}  // namespace

std::vector<Tensor> AttentionModel::parameters() const {
  auto all = focus->parameters();
  const auto others = classifier->parameters();
  all.insert(all.end(), others.begin(), others.end());
  return all;
}

void AttentionModel::to(torch::Device device) {
  focus->to(device);
  classifier->to(device);
}

AttentionModel make_linear(std::int64_t features, std::int64_t classes) {
  return {nn::Sequential(unbiased(features, 1)), nn::Sequential(nn::Linear(features, classes))};
}

AttentionModel make_mlp(std::int64_t features, std::int64_t hidden, std::int64_t classes) {
  return {nn::Sequential(nn::Linear(features, hidden), nn::Tanh(), nn::Linear(hidden, 1)),
          nn::Sequential(nn::Linear(features, hidden), nn::Tanh(), nn::Linear(hidden, classes))};
}

AttentionModel make_cnn(std::int64_t classes) {
  return {
      nn::Sequential(unbiased(3, 32, 3), nn::ReLU(), nn::MaxPool2d(2),   // [32, 15, 15]
                     unbiased(32, 64, 3), nn::ReLU(), nn::MaxPool2d(2),  // [64, 6, 6]
                     unbiased(64, 64, 3), nn::ReLU(), nn::Flatten(),     // [1024]
                     unbiased(1024, 512), nn::ReLU(), unbiased(512, 64), nn::ReLU(),
                     unbiased(64, 10), nn::ReLU(), unbiased(10, 1)),
      nn::Sequential(nn::Conv2d(3, 6, 5), nn::ReLU(), nn::MaxPool2d(2),                  //
                     nn::Conv2d(6, 16, 5), nn::ReLU(), nn::MaxPool2d(2), nn::Flatten(),  // [400]
                     nn::Linear(400, 120), nn::ReLU(), nn::Linear(120, 84), nn::ReLU(),
                     nn::Linear(84, 10), nn::ReLU(), nn::Linear(10, classes))};
}

Outputs forward(AttentionModel& model, const std::string& loss, const Tensor& mosaics) {
  const auto B = mosaics.size(0), m = mosaics.size(1);
  const auto scores = model.focus->forward(mosaics.flatten(0, 1)).view({B, m});
  if (loss == "soft") {
    std::vector<std::int64_t> sizes(static_cast<std::size_t>(mosaics.dim()), 1);
    sizes[0] = B;
    sizes[1] = m;
    const auto blend = (scores.softmax(1).view(sizes) * mosaics).sum(1);  // [B, ...]
    return {scores, model.classifier->forward(blend).log_softmax(-1)};
  }
  const auto log_p = model.classifier->forward(mosaics.flatten(0, 1)).log_softmax(-1);
  return {scores, log_p.view({B, m, -1})};
}

Tensor mean_loss(const std::string& loss, const Outputs& outputs, const Tensor& labels) {
  const auto& [scores, log_p] = outputs;
  if (loss == "soft") return torch::nll_loss(log_p, labels);
  const auto index = labels.view({-1, 1, 1}).expand({-1, scores.size(1), 1});
  const auto log_p_label = log_p.gather(2, index).squeeze(2);  // [B, m]
  if (loss == "hard") return -(scores.softmax(1) * log_p_label).sum(1).mean();
  return -torch::logsumexp(scores.log_softmax(1) + log_p_label, 1).mean();
}

}  // namespace bench
