#include "kernels/elementwise.h"
#include "kernels/launch.h"
#include "linalg/banded.h"
#include "operators/image_shape.h"
#include "operators/operator.h"
#include "operators/spectrum.h"

namespace latino {

namespace {

/// y = Av x Ahᵀ. With Av Avᵀ = Qv Λv Qvᵀ and Ah Ahᵀ = Qh Λh Qhᵀ, the basis of A Aᵀ is Qv ⊗ Qh and its eigenvalues are λv λhᵀ.
class Separable final : public Operator {
 public:
  Separable(const std::shared_ptr<Device>& device, Matrix vertical, Matrix horizontal)
      : height_(vertical.columns),
        width_(horizontal.columns),
        rows_(vertical.rows),
        columns_(horizontal.rows),
        av_(device, rows_, height_),
        avT_(device, height_, rows_),
        ah_(device, columns_, width_),
        ahT_(device, width_, columns_),
        qv_(device, rows_, rows_),
        qvT_(device, rows_, rows_),
        qh_(device, columns_, columns_),
        qhT_(device, columns_, columns_),
        eigenvalues_(device, {rows_ * columns_}),
        spectrum_(device, rows_ * columns_, 1) {
    // The decompositions take seconds for large images, so they run in the device's queue and not here.
    submit({}, tables(), [self = *this, v = std::move(vertical), h = std::move(horizontal)] { self.prepare(v, h); });
  }

  std::vector<Tensor> tables() const override {
    std::vector<Tensor> tables{eigenvalues_};
    for (const BandedMatrix* matrix : {&av_, &avT_, &ah_, &ahT_, &qv_, &qvT_, &qh_, &qhT_}) {
      for (const Tensor& tensor : matrix->tensors()) tables.push_back(tensor);
    }
    for (const Tensor& tensor : spectrum_.tensors()) tables.push_back(tensor);
    return tables;
  }

  Shape measurementShape(const Shape& image) const override {
    requireImage(image, height_, width_, "an image");
    return {image[0], image[1], rows_, columns_};
  }
  Shape imageShape(const Shape& measurement) const override {
    requireImage(measurement, rows_, columns_, "a measurement");
    return {measurement[0], measurement[1], height_, width_};
  }

  Tensor forward(const Tensor& x) const override {
    measurementShape(x.shape());
    return ahT_.applyToRows(av_.applyToColumns(x));
  }
  Tensor adjoint(const Tensor& y) const override {
    imageShape(y.shape());
    return ah_.applyToRows(avT_.applyToColumns(y));
  }
  Tensor residual(const Tensor& z, const Tensor& y) const override {
    return qh_.applyToRows(qvT_.applyToColumns(Operator::residual(z, y)));
  }
  Tensor proxFromResidual(const Tensor& z, const Tensor& residual, const Scalar& gamma) const override {
    requireShape(residual.shape(), measurementShape(z.shape()), "a residual");
    requireGamma(gamma, z.dim(0));
    const Tensor weighted(z.sharedDevice(), residual.shape());
    const std::int64_t count = rows_ * columns_, perImage = count * z.dim(1);
    submit({residual, eigenvalues_, gamma.tensor}, {weighted}, [*this, residual, gamma, weighted, count, perImage] {
      const float *r = residual.data<float>(), *lambda = eigenvalues_.data<float>();
      float* out = weighted.data<float>();
      const ScalarRef g = gamma.ref();
      forEach(weighted.device(), weighted.size(), [=] LATINO_HOST_DEVICE(std::int64_t i) {
        const float value = g(i / perImage);
        out[i] = r[i] * value / (1 + value * lambda[i % count]);
      });
    });
    return linearCombination(1, z, 1, adjoint(qhT_.applyToRows(qv_.applyToColumns(weighted))));
  }
  Tensor errorVariance(const Tensor& residual, const PerImage& sigma, double floor) const override {
    return spectrum_.errorVariance(residual, sigma, floor);
  }
  Tensor discrepancyGamma(const Tensor& residual, const PerImage& sigma) const override {
    return spectrum_.discrepancyGamma(residual, sigma);
  }

 private:
  void prepare(const Matrix& vertical, const Matrix& horizontal) const {
    const SymmetricEigen v = eigenOfGram(vertical), h = eigenOfGram(horizontal);
    std::vector<double> eigenvalues;
    for (const double a : v.values) {
      for (const double b : h.values) eigenvalues.push_back(a * b);
    }
    const std::vector<float> narrow(eigenvalues.begin(), eigenvalues.end());
    eigenvalues_.device().copyFromHost(eigenvalues_.data<void>(), narrow.data(), eigenvalues_.bytes());
    spectrum_.fill(eigenvalues, std::vector<double>(eigenvalues.size(), 1.0));
    av_.fill(vertical);
    avT_.fill(vertical.transposed());
    ah_.fill(horizontal);
    ahT_.fill(horizontal.transposed());
    qv_.fill(v.vectors);
    qvT_.fill(v.vectors.transposed());
    qh_.fill(h.vectors);
    qhT_.fill(h.vectors.transposed());
  }

  std::int64_t height_, width_, rows_, columns_;
  BandedMatrix av_, avT_, ah_, ahT_, qv_, qvT_, qh_, qhT_;
  Tensor eigenvalues_;
  Spectrum spectrum_;
};

}  // namespace

std::shared_ptr<Operator> makeSeparable(std::shared_ptr<Device> device, Matrix vertical, Matrix horizontal) {
  for (const Matrix* matrix : {&vertical, &horizontal}) {
    if (matrix->rows < 1 || matrix->columns < 1 || static_cast<std::int64_t>(matrix->values.size()) != matrix->rows * matrix->columns) {
      throw ArgumentError("Expected a matrix of rows x columns values but received " + std::to_string(matrix->values.size()) +
                          " values for " + toString({matrix->rows, matrix->columns}));
    }
  }
  return std::make_shared<Separable>(device, std::move(vertical), std::move(horizontal));
}

}  // namespace latino
