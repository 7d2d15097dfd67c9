#include "kernels/elementwise.h"
#include "linalg/fft.h"
#include "operators/circular_basis.h"
#include "operators/image_shape.h"
#include "operators/spectral_operator.h"

namespace latino {

namespace {

/// Circular convolution, then decimation: diagonal in the Fourier basis of the measurement (Zhao et al. 2016 for factors above 1).
class CircularConvolution final : public SpectralOperator {
 public:
  CircularConvolution(const std::shared_ptr<Device>& device, Taps taps, std::int64_t height, std::int64_t width, std::int64_t factor)
      : SpectralOperator({device, height / factor * halfWidth(width / factor), 2}),
        height_(height),
        width_(width),
        basis_(device, std::move(taps), height, width, factor, spectrum()) {}

  std::vector<Tensor> tables() const override { return tablesWith(basis_.tensors()); }
  Shape measurementShape(const Shape& image) const override {
    requireImage(image, height_, width_, "an image");
    return {image[0], image[1], basis_.lowHeight(), basis_.lowWidth()};
  }
  Shape imageShape(const Shape& measurement) const override {
    requireImage(measurement, basis_.lowHeight(), basis_.lowWidth(), "a measurement");
    return {measurement[0], measurement[1], height_, width_};
  }

  Tensor forward(const Tensor& x) const override {
    const Tensor y(x.sharedDevice(), measurementShape(x.shape()));
    submit(with(x), {y}, [*this, x, y] { basis_.forward(y.device(), planesOf(x), x.data<float>(), y.data<float>()); });
    return y;
  }
  Tensor adjoint(const Tensor& y) const override {
    const Tensor x(y.sharedDevice(), imageShape(y.shape()));
    submit(with(y), {x}, [*this, x, y] { basis_.adjoint(x.device(), planesOf(y), y.data<float>(), x.data<float>()); });
    return x;
  }
  Tensor residual(const Tensor& z, const Tensor& y) const override {
    requireShape(y.shape(), measurementShape(z.shape()), "a measurement");
    const Tensor residual(z.sharedDevice(), residualShape(z));
    std::vector<Tensor> inputs = with(z);
    inputs.push_back(y);
    submit(inputs, {residual}, [*this, z, y, residual] {
      basis_.residual(residual.device(), planesOf(z), z.data<float>(), y.data<float>(), residual.data<float>());
    });
    return residual;
  }
  Tensor proxFromResidual(const Tensor& z, const Tensor& residual, const Scalar& gamma, const PerImage&) const override {
    requireShape(residual.shape(), residualShape(z), "a residual");
    requireGamma(gamma, z.dim(0));
    const Tensor correction(z.sharedDevice(), z.shape());
    std::vector<Tensor> inputs = with(residual);
    inputs.push_back(gamma.tensor);
    submit(inputs, {correction}, [*this, residual, gamma, correction] {
      basis_.correction(correction.device(), planesOf(correction), correction.dim(1), gamma.ref(), residual.data<float>(),
                        correction.data<float>());
    });
    return linearCombination(1, z, 1, correction);
  }

 private:
  static std::int64_t planesOf(const Tensor& x) { return x.dim(0) * x.dim(1); }
  std::vector<Tensor> with(const Tensor& input) const {
    std::vector<Tensor> inputs = basis_.tensors();
    inputs.push_back(input);
    return inputs;
  }
  Shape residualShape(const Tensor& z) const { return {z.dim(0), z.dim(1), basis_.lowHeight(), halfWidth(basis_.lowWidth()), 2}; }

  std::int64_t height_, width_;
  CircularBasis basis_;
};

}  // namespace

void requireTaps(const Taps& taps, std::int64_t height, std::int64_t width, std::int64_t factor) {
  constexpr std::int64_t kLargest = 1 << 20;  // of a side: products of sides stay far from overflow
  if (taps.height < 1 || taps.width < 1 || taps.height > kLargest || taps.width > kLargest ||
      static_cast<std::int64_t>(taps.values.size()) != taps.height * taps.width) {
    throw ArgumentError("Expected a kernel of height x width taps but received " + std::to_string(taps.values.size()) + " taps for " +
                        toString({taps.height, taps.width}));
  }
  if (taps.centreY < 0 || taps.centreY >= taps.height || taps.centreX < 0 || taps.centreX >= taps.width) {
    throw ArgumentError("Expected a centre inside the kernel " + toString({taps.height, taps.width}) + " but received " +
                        toString({taps.centreY, taps.centreX}));
  }
  if (height < 1 || width < 1 || height > kLargest || width > kLargest || factor < 1 || height % factor != 0 || width % factor != 0) {
    throw ShapeError("Expected a height and width up to " + std::to_string(kLargest) + " that are multiples of the factor " +
                     std::to_string(factor) + " but received " + toString({height, width}));
  }
}

std::shared_ptr<Operator> makeCircularConvolution(std::shared_ptr<Device> device, Taps taps, std::int64_t height, std::int64_t width,
                                                  std::int64_t factor) {
  requireTaps(taps, height, width, factor);
  return std::make_shared<CircularConvolution>(device, std::move(taps), height, width, factor);
}

}  // namespace latino
