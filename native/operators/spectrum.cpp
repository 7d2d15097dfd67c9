#include "operators/spectrum.h"

#include <algorithm>
#include <cmath>

#include "kernels/launch.h"
#include "operators/image_shape.h"
#include "tensor/ceil_divide.h"
#include "tensor/error.h"
#include "tensor/scratch.h"

namespace latino {

namespace {
constexpr std::int64_t kBins = 512;
/// Coefficients of a bin that are summed together: whatever the bins hold, no thread is left with more, and the order is always the same.
constexpr std::int64_t kSegment = 1024;
/// Eigenvalues below this part of the largest one share a bin: at any noise level they carry no information.
constexpr double kNegligible = 1e-10;
constexpr int kBisections = 48;

/// Without noise a coefficient that the operator does not see decides everything: its power is rounding, its variance zero.
PerImage noiseVariances(const PerImage& sigma, std::int64_t images) {
  if (sigma.empty()) throw ShapeError("Expected one sigma or " + std::to_string(images) + " but received none");
  requireSigma(sigma, images);
  PerImage variances;
  for (const double one : sigma) variances.push_back(one * one);
  return variances;
}

/// f(image, noise variance, team) for every image, where there is one variance in one launch.
template <class F>
void forImages(Device& device, std::int64_t images, const PerImage& noise, F f) {
  const std::int64_t count = noise.size() == 1 ? images : 1;
  for (std::size_t part = 0; part < noise.size(); ++part) {
    const auto first = static_cast<std::int64_t>(part);
    const double own = noise[part];
    forTeams(device, count, kBins, [=] LATINO_DEVICE(std::int64_t i, Team team) { f(first + i, own, team); });
  }
}

}  // namespace

Spectrum::Spectrum(const std::shared_ptr<Device>& device, std::int64_t count, std::int64_t components)
    : count_(count),
      components_(components),
      order_(device, {count}, DType::i64),
      segments_(device, {count / kSegment + std::min(kBins, count), 2}, DType::i64),
      starts_(device, {kBins + 1}, DType::i64),
      multiplicities_(device, {count}),
      bins_(device, {kBins, 2}) {}

void Spectrum::fill(const std::vector<double>& eigenvalues, const std::vector<double>& multiplicities) const {
  const std::size_t count = eigenvalues.size();
  const double largest = std::max(1e-300, *std::max_element(eigenvalues.begin(), eigenvalues.end()));
  // The range that is really there decides how fine the bins are.
  double smallest = largest;
  for (const double value : eigenvalues) {
    if (value > kNegligible * largest) smallest = std::min(smallest, value);
  }
  const double span = std::max(1e-9, std::log(largest / smallest));
  std::vector<std::int64_t> bin(count), order(count), begins(kBins + 1);
  std::vector<float> narrow(count), bins(2 * kBins);
  std::vector<double> sum(kBins), weight(kBins);
  for (std::size_t i = 0; i < count; ++i) {
    const double value = eigenvalues[i];
    bin[i] = value <= kNegligible * largest
                 ? 0
                 : std::clamp<std::int64_t>(1 + static_cast<std::int64_t>(std::log(value / smallest) / span * (kBins - 1)), 1, kBins - 1);
    ++begins[static_cast<std::size_t>(bin[i]) + 1];
    sum[static_cast<std::size_t>(bin[i])] += multiplicities[i] * value;
    weight[static_cast<std::size_t>(bin[i])] += multiplicities[i];
    narrow[i] = static_cast<float>(multiplicities[i]);
  }
  for (std::size_t b = 0; b < kBins; ++b) {
    begins[b + 1] += begins[b];
    bins[2 * b] = static_cast<float>(weight[b] > 0 ? sum[b] / weight[b] : 0);
    bins[2 * b + 1] = static_cast<float>(weight[b]);
  }
  std::vector<std::int64_t> segments, starts{0};
  for (std::size_t b = 0; b < kBins; ++b) {
    for (std::int64_t first = begins[b]; first < begins[b + 1]; first += kSegment)
      segments.insert(segments.end(), {first, std::min(first + kSegment, begins[b + 1])});
    starts.push_back(static_cast<std::int64_t>(segments.size() / 2));
  }
  segments.resize(static_cast<std::size_t>(segments_.size()));  // the rest is empty
  std::vector<std::int64_t> next(begins.begin(), begins.end() - 1);
  for (std::size_t i = 0; i < count; ++i)
    order[static_cast<std::size_t>(next[static_cast<std::size_t>(bin[i])]++)] = static_cast<std::int64_t>(i);

  Device& device = order_.device();
  device.copyFromHost(order_.data<void>(), order.data(), order_.bytes());
  device.copyFromHost(segments_.data<void>(), segments.data(), segments_.bytes());
  device.copyFromHost(starts_.data<void>(), starts.data(), starts_.bytes());
  device.copyFromHost(multiplicities_.data<void>(), narrow.data(), multiplicities_.bytes());
  device.copyFromHost(bins_.data<void>(), bins.data(), bins_.bytes());
}

std::int64_t Spectrum::planesOf(const Tensor& residual) const {
  const std::int64_t perPlane = residual.dim(0) * count_ * components_, planes = residual.size() / perPlane;
  if (planes < 1 || planes * perPlane != residual.size())
    throw ShapeError("Expected a residual of this operator but received one of shape " + toString(residual.shape()));
  return planes;
}

Tensor Spectrum::powerOf(const Tensor& residual) const {
  const std::int64_t images = residual.dim(0), planes = planesOf(residual), count = count_, components = components_;
  const Tensor power(residual.sharedDevice(), {images, kBins});
  submit({residual, order_, segments_, starts_, multiplicities_}, {power}, [*this, residual, power, images, planes, count, components] {
    Device& device = power.device();
    const float *r = residual.data<float>(), *multiplicity = multiplicities_.data<float>();
    const auto *order = order_.data<std::int64_t>(), *segments = segments_.data<std::int64_t>(), *starts = starts_.data<std::int64_t>();
    float* out = power.data<float>();
    // Small planes are summed several at a time.
    const std::int64_t together = std::max<std::int64_t>(1, kSegment / count), groups = ceilDivide(planes, together),
                       pieces = segments_.dim(0);
    const Scratch sums(device, 2 * images * groups * pieces);
    auto* partial = reinterpret_cast<double*>(sums.data());
    forTeams(
        device, images * groups * pieces, kSegment,
        [=] LATINO_DEVICE(std::int64_t k, Team team) {
          const std::int64_t piece = k % pieces, group = k / pieces % groups, image = k / (pieces * groups);
          const std::int64_t lastPlane = (group + 1) * together < planes ? (group + 1) * together : planes;
          const std::int64_t* segment = order + segments[2 * piece];
          const std::int64_t length = segments[2 * piece + 1] - segments[2 * piece];  // 0 of those that no bin needs
          double sum = 0;
          for (std::int64_t plane = group * together; length > 0 && plane < lastPlane; ++plane) {
            const float* base = r + (image * planes + plane) * count * components;
            sum = team.sum(sum, length, [=](std::int64_t i) {
              double square = 0;
              for (std::int64_t c = 0; c < components; ++c)
                square += static_cast<double>(base[segment[i] * components + c]) * base[segment[i] * components + c];
              return multiplicity[segment[i]] * square;
            });
          }
          if (team.writes()) partial[k] = sum;
        },
        16);
    forEach(
        device, images * kBins,
        [=] LATINO_DEVICE(std::int64_t k) {
          const std::int64_t image = k / kBins, bin = k % kBins;
          double sum = 0;
          for (std::int64_t group = 0; group < groups; ++group) {
            for (std::int64_t piece = starts[bin]; piece < starts[bin + 1]; ++piece)
              sum += partial[(image * groups + group) * pieces + piece];
          }
          out[k] = static_cast<float>(sum);
        },
        64);
  });
  return power;
}

Tensor Spectrum::errorVariance(const Tensor& residual, const PerImage& sigma, double floor) const {
  const PerImage variances = noiseVariances(sigma, residual.dim(0));
  const double planes = static_cast<double>(planesOf(residual));
  const Tensor power = powerOf(residual), variance(residual.sharedDevice(), {residual.dim(0)});
  submit({power, bins_}, {variance}, [*this, power, variance, planes, variances, floor] {
    const float *p = power.data<float>(), *bins = bins_.data<float>();
    float* out = variance.data<float>();
    forImages(variance.device(), variance.size(), variances, [=] LATINO_DEVICE(std::int64_t image, double noise, Team team) {
      double low = log(1e-6), high = log(1e3);  // the likelihood rises below its maximum and falls above it
      for (int step = 0; step < kBisections; ++step) {
        const double middle = (low + high) / 2, v = exp(middle);
        const double derivative = team.sum(0, kBins, [=](std::int64_t b) {
          const double lambda = bins[2 * b], weight = bins[2 * b + 1] * planes, total = v * lambda + noise;
          return weight > 0 ? lambda * (p[image * kBins + b] - weight * total) / (total * total) : 0;
        });
        (derivative > 0 ? low : high) = middle;
      }
      const double v = exp(high);
      if (team.writes()) out[image] = static_cast<float>(v < floor ? floor : v);
    });
  });
  return variance;
}

Tensor Spectrum::discrepancyGamma(const Tensor& residual, const PerImage& sigma) const {
  const PerImage variances = noiseVariances(sigma, residual.dim(0));
  const double planes = static_cast<double>(planesOf(residual));
  const Tensor power = powerOf(residual), gamma(residual.sharedDevice(), {residual.dim(0)});
  submit({power, bins_}, {gamma}, [*this, power, gamma, planes, variances] {
    const float *p = power.data<float>(), *bins = bins_.data<float>();
    float* out = gamma.data<float>();
    forImages(gamma.device(), gamma.size(), variances, [=] LATINO_DEVICE(std::int64_t image, double noise, Team team) {
      double low = log(1e-6), high = log(1e12);  // the larger gamma, the smaller the discrepancy
      for (int step = 0; step < kBisections; ++step) {
        const double middle = (low + high) / 2, g = exp(middle);
        const double excess = team.sum(0, kBins, [=](std::int64_t b) {
          const double shrunk = 1 + g * bins[2 * b];
          return p[image * kBins + b] / (shrunk * shrunk) - bins[2 * b + 1] * planes * noise;
        });
        (excess > 0 ? low : high) = middle;
      }
      if (team.writes()) out[image] = static_cast<float>(exp(high));
    });
  });
  return gamma;
}

}  // namespace latino
