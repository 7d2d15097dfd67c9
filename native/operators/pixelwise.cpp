// Operators that act on every pixel alone: A Aᵀ is diagonal as it stands.
#include <algorithm>

#include "kernels/elementwise.h"
#include "kernels/launch.h"
#include "operators/image_shape.h"
#include "operators/spectral_operator.h"

namespace latino {

namespace {

/// z + gamma / (1 + gamma) r: the proximal point where A Aᵀ is 1. Where r is zero, as at missing pixels, z stays.
Tensor proxOfSeen(const Tensor& z, const Tensor& residual, const Scalar& gamma) {
  const Tensor out(z.sharedDevice(), z.shape());
  submit({z, residual, gamma.tensor}, {out}, [=] {
    const float *pz = z.data<float>(), *r = residual.data<float>();
    float* po = out.data<float>();
    const ScalarRef g = gamma.ref();
    const std::int64_t perImage = z.size() / z.dim(0);
    forEach(out.device(), out.size(), [=] LATINO_DEVICE(std::int64_t i) {
      const float value = g(i / perImage);
      po[i] = pz[i] + r[i] * value / (1 + value);
    });
  });
  return out;
}

/// y = mask x. Values of y at missing pixels are never used, not even multiplied by zero.
class Mask final : public SpectralOperator {
 public:
  Mask(const std::shared_ptr<Device>& device, std::int64_t height, std::int64_t width, std::vector<std::uint8_t> missing)
      : SpectralOperator({device, height * width, 1}), height_(height), width_(width), mask_(device, {height, width}) {
    submit({}, tables(), [self = *this, missing = std::move(missing)] {
      std::vector<double> seen(missing.size());
      std::transform(missing.begin(), missing.end(), seen.begin(), [](std::uint8_t flag) { return flag == 0 ? 1.0 : 0.0; });
      const std::vector<float> mask(seen.begin(), seen.end());
      self.mask_.device().copyFromHost(self.mask_.data<void>(), mask.data(), self.mask_.bytes());
      self.spectrum().fill(seen, seen);
    });
  }

  std::vector<Tensor> tables() const override { return tablesWith({mask_}); }

  Shape measurementShape(const Shape& image) const override {
    requireImage(image, height_, width_, "an image");
    return image;
  }
  Shape imageShape(const Shape& measurement) const override {
    requireImage(measurement, height_, width_, "a measurement");
    return measurement;
  }

  Tensor forward(const Tensor& x) const override { return residualOf(x, {}); }
  Tensor adjoint(const Tensor& y) const override { return residualOf(y, {}); }
  Tensor residual(const Tensor& z, const Tensor& y) const override {
    requireShape(y.shape(), measurementShape(z.shape()), "a measurement");
    return residualOf(y, z);
  }
  Tensor proxFromResidual(const Tensor& z, const Tensor& residual, const Scalar& gamma, const PerImage&) const override {
    requireShape(residual.shape(), measurementShape(z.shape()), "a residual");
    requireGamma(gamma, z.dim(0));
    return proxOfSeen(z, residual, gamma);
  }

  /// mask (y - z); z may be invalid and is zero then.
  Tensor residualOf(const Tensor& y, const Tensor& z) const {
    measurementShape(y.shape());
    const Tensor out(y.sharedDevice(), y.shape());
    submit({y, z, mask_}, {out}, [mask = mask_, y, z, out] {
      const float *py = y.data<float>(), *pz = z.valid() ? z.data<float>() : nullptr, *m = mask.data<float>();
      float* po = out.data<float>();
      const std::int64_t count = mask.size();
      forEach(out.device(), out.size(),
              [=] LATINO_DEVICE(std::int64_t i) { po[i] = m[i % count] == 0 ? 0 : py[i] - (pz == nullptr ? 0 : pz[i]); });
    });
    return out;
  }

 private:
  std::int64_t height_, width_;
  Tensor mask_;
};

/// y[n, 0] = sum_c weights[c] x[n, c].
class ChannelMix final : public SpectralOperator {
 public:
  ChannelMix(const std::shared_ptr<Device>& device, std::vector<double> weights)
      : SpectralOperator({device, 1, 1}), channels_(static_cast<std::int64_t>(weights.size())), weights_(device, {channels_}) {
    for (const double weight : weights) eigenvalue_ += weight * weight;
    submit({}, tables(), [self = *this, weights = std::move(weights)] {
      const std::vector<float> narrow(weights.begin(), weights.end());
      self.weights_.device().copyFromHost(self.weights_.data<void>(), narrow.data(), self.weights_.bytes());
      self.spectrum().fill({self.eigenvalue_}, {1});
    });
  }

  std::vector<Tensor> tables() const override { return tablesWith({weights_}); }

  Shape measurementShape(const Shape& image) const override {
    if (image.size() != 4 || image[1] != channels_) {
      throw ShapeError("Expected an image of shape [N, " + std::to_string(channels_) + ", H, W] but received " + toString(image));
    }
    return {image[0], 1, image[2], image[3]};
  }
  Shape imageShape(const Shape& measurement) const override {
    if (measurement.size() != 4 || measurement[1] != 1)
      throw ShapeError("Expected a measurement of shape [N, 1, H, W] but received " + toString(measurement));
    return {measurement[0], channels_, measurement[2], measurement[3]};
  }

  Tensor forward(const Tensor& x) const override {
    const Tensor y(x.sharedDevice(), measurementShape(x.shape()));
    submit({x, weights_}, {y}, [=, w = weights_] {
      const float *px = x.data<float>(), *pw = w.data<float>();
      float* py = y.data<float>();
      const std::int64_t channels = x.dim(1), pixels = x.dim(2) * x.dim(3);
      forEach(y.device(), y.size(), [=] LATINO_DEVICE(std::int64_t i) {
        const std::int64_t image = i / pixels, pixel = i % pixels;
        float sum = 0;
        for (std::int64_t c = 0; c < channels; ++c) sum += pw[c] * px[(image * channels + c) * pixels + pixel];
        py[i] = sum;
      });
    });
    return y;
  }
  Tensor adjoint(const Tensor& y) const override { return spread({}, y, 1.0, 0.0); }
  Tensor proxFromResidual(const Tensor& z, const Tensor& residual, const Scalar& gamma, const PerImage&) const override {
    requireShape(residual.shape(), measurementShape(z.shape()), "a residual");
    requireGamma(gamma, z.dim(0));
    return spread(z, residual, gamma, eigenvalue_);
  }

  /// z + weights gamma / (1 + gamma eigenvalue) r; z may be invalid and is zero then.
  Tensor spread(const Tensor& z, const Tensor& r, const Scalar& gamma, double eigenvalue) const {
    const Tensor out(r.sharedDevice(), imageShape(r.shape()));
    submit({z, r, weights_, gamma.tensor}, {out}, [=, w = weights_] {
      const float *pz = z.valid() ? z.data<float>() : nullptr, *pr = r.data<float>(), *pw = w.data<float>();
      float* po = out.data<float>();
      const ScalarRef g = gamma.ref();
      const std::int64_t channels = out.dim(1), pixels = r.dim(2) * r.dim(3);
      const float lambda = static_cast<float>(eigenvalue);
      forEach(out.device(), out.size(), [=] LATINO_DEVICE(std::int64_t i) {
        const std::int64_t pixel = i % pixels, channel = i / pixels % channels, image = i / (pixels * channels);
        const float value = g(image);
        po[i] = (pz == nullptr ? 0 : pz[i]) + pw[channel] * pr[image * pixels + pixel] * value / (1 + value * lambda);
      });
    });
    return out;
  }

 private:
  std::int64_t channels_;
  double eigenvalue_ = 0;
  Tensor weights_;
};

/// y = x.
class Identity final : public SpectralOperator {
 public:
  explicit Identity(const std::shared_ptr<Device>& device) : SpectralOperator({device, 1, 1}) {
    submit({}, tables(), [spectrum = spectrum()] { spectrum.fill({1}, {1}); });
  }

  Shape measurementShape(const Shape& image) const override { return image; }
  Shape imageShape(const Shape& measurement) const override { return measurement; }
  Tensor forward(const Tensor& x) const override { return linearCombination(1, x, 0, {}); }
  Tensor adjoint(const Tensor& y) const override { return linearCombination(1, y, 0, {}); }
  Tensor residual(const Tensor& z, const Tensor& y) const override { return linearCombination(1, y, -1, z); }
  Tensor proxFromResidual(const Tensor& z, const Tensor& residual, const Scalar& gamma, const PerImage&) const override {
    requireShape(residual.shape(), z.shape(), "a residual");
    requireGamma(gamma, z.dim(0));
    return proxOfSeen(z, residual, gamma);
  }
};

}  // namespace

std::shared_ptr<Operator> makeMask(std::shared_ptr<Device> device, std::int64_t height, std::int64_t width,
                                   std::vector<std::uint8_t> missing) {
  if (height < 1 || width < 1 || static_cast<std::int64_t>(missing.size()) != height * width) {
    throw ShapeError("Expected a mask of " + toString({height, width}) + " values but received " + std::to_string(missing.size()));
  }
  return std::make_shared<Mask>(device, height, width, std::move(missing));
}

std::shared_ptr<Operator> makeIdentity(std::shared_ptr<Device> device) { return std::make_shared<Identity>(device); }

std::shared_ptr<Operator> makeChannelMix(std::shared_ptr<Device> device, std::vector<double> weights) {
  if (weights.empty()) throw ArgumentError("Expected at least one weight but received none");
  return std::make_shared<ChannelMix>(device, std::move(weights));
}

}  // namespace latino
