#include <algorithm>
#include <atomic>
#include <initializer_list>
#include <mutex>

#include "kernels/elementwise.h"
#include "kernels/launch.h"
#include "linalg/banded.h"
#include "operators/image_shape.h"
#include "operators/spectral_operator.h"

namespace latino {

namespace {

/// Both matrices and, once they have been computed, their decompositions; on the host. At thousands of pixels each of them is many
/// megabytes, so whoever makes an operator gives what is not zero, and the rest is made on the threads that use it.
class Decompositions {
 public:
  Decompositions(SparseMatrix vertical, SparseMatrix horizontal) : vertical_(std::move(vertical)), horizontal_(std::move(horizontal)) {}

  /// On whatever thread asks first; others wait.
  void compute() {
    const std::lock_guard lock(mutex_);
    if (isComputed_) return;
    ofVertical_ = eigenOfGram(vertical_.dense());
    ofHorizontal_ = vertical_ == horizontal_ ? ofVertical_ : eigenOfGram(horizontal_.dense());
    isComputed_ = true;
  }

  const SparseMatrix& vertical() const { return vertical_; }
  const SparseMatrix& horizontal() const { return horizontal_; }
  const SymmetricEigen& ofVertical() const { return ofVertical_; }
  const SymmetricEigen& ofHorizontal() const { return ofHorizontal_; }

  /// True for the first who asks: the device gets them once.
  bool isFirstUse() { return !isUsed_.exchange(true); }

  /// Once the device has everything.
  void release() {
    const std::lock_guard lock(mutex_);
    vertical_ = horizontal_ = {};
    ofVertical_ = ofHorizontal_ = {};
  }

 private:
  std::mutex mutex_;
  bool isComputed_ = false;
  std::atomic<bool> isUsed_{false};
  SparseMatrix vertical_, horizontal_;
  SymmetricEigen ofVertical_, ofHorizontal_;
};

/// y = Av x Ahᵀ. With Av Avᵀ = Qv Λv Qvᵀ and Ah Ahᵀ = Qh Λh Qhᵀ, the basis of A Aᵀ is Qv ⊗ Qh and its eigenvalues are λv λhᵀ.
class Separable final : public SpectralOperator {
 public:
  Separable(const std::shared_ptr<Device>& device, SparseMatrix vertical, SparseMatrix horizontal)
      : SpectralOperator({device, vertical.rows * horizontal.rows, 1}),
        height_(vertical.columns),
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
        decompositions_(std::make_shared<Decompositions>(std::move(vertical), std::move(horizontal))) {
    submit({}, tensorsOf({&av_, &avT_, &ah_, &ahT_}), [self = *this] {
      const Matrix vertical = self.decompositions_->vertical().dense(), horizontal = self.decompositions_->horizontal().dense();
      self.av_.fill(vertical);
      self.avT_.fill(vertical.transposed());
      self.ah_.fill(horizontal);
      self.ahT_.fill(horizontal.transposed());
    });
  }

  std::vector<Tensor> tables() const override {
    std::vector<Tensor> tables = basis();
    for (const Tensor& tensor : tensorsOf({&av_, &avT_, &ah_, &ahT_})) tables.push_back(tensor);
    return tables;
  }

  void prepare() const override { decompositions_->compute(); }

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
    useBasis();
    return qh_.applyToRows(qvT_.applyToColumns(Operator::residual(z, y)));
  }
  Tensor proxFromResidual(const Tensor& z, const Tensor& residual, const Scalar& gamma, const PerImage&) const override {
    requireShape(residual.shape(), measurementShape(z.shape()), "a residual");
    requireGamma(gamma, z.dim(0));
    useBasis();
    const Tensor weighted(z.sharedDevice(), residual.shape());
    const std::int64_t count = rows_ * columns_, channels = z.dim(1);
    submit({residual, eigenvalues_, gamma.tensor}, {weighted}, [*this, residual, gamma, weighted, count, channels] {
      const float *r = residual.data<float>(), *lambda = eigenvalues_.data<float>();
      float* out = weighted.data<float>();
      const ScalarRef g = gamma.ref();
      forRows(weighted.device(), weighted.size() / count, count, [=] LATINO_DEVICE(std::int64_t plane, std::int64_t i) {
        const float value = g(plane / channels);
        out[plane * count + i] = r[plane * count + i] * value / (1 + value * lambda[i]);
      });
    });
    return linearCombination(1, z, 1, adjoint(qhT_.applyToRows(qv_.applyToColumns(weighted))));
  }

 private:
  static std::vector<Tensor> tensorsOf(std::initializer_list<const BandedMatrix*> matrices) {
    std::vector<Tensor> tensors;
    for (const BandedMatrix* matrix : matrices) {
      for (const Tensor& tensor : matrix->tensors()) tensors.push_back(tensor);
    }
    return tensors;
  }
  /// The tables that hold the decompositions.
  std::vector<Tensor> basis() const {
    std::vector<Tensor> tables = tablesWith(tensorsOf({&qv_, &qvT_, &qh_, &qhT_}));
    tables.push_back(eigenvalues_);
    return tables;
  }

  Tensor coefficients(const Tensor& residual) const override {
    useBasis();
    return residual;
  }

  /// Enqueues the filling of the basis ahead of the first work that reads it. Whoever only blurs never waits for a decomposition.
  void useBasis() const {
    if (!decompositions_->isFirstUse()) return;
    submit({}, basis(), [self = *this] {
      self.decompositions_->compute();
      const SymmetricEigen &v = self.decompositions_->ofVertical(), &h = self.decompositions_->ofHorizontal();
      std::vector<double> eigenvalues;
      for (const double a : v.values) {
        for (const double b : h.values) eigenvalues.push_back(a * b);
      }
      const std::vector<float> narrow(eigenvalues.begin(), eigenvalues.end());
      self.eigenvalues_.device().copyFromHost(self.eigenvalues_.data<void>(), narrow.data(), self.eigenvalues_.bytes());
      self.spectrum().fill(eigenvalues, std::vector<double>(eigenvalues.size(), 1.0));
      self.qv_.fill(v.vectors);
      self.qvT_.fill(v.vectors.transposed());
      self.qh_.fill(h.vectors);
      self.qhT_.fill(h.vectors.transposed());
      self.decompositions_->release();
    });
  }

  std::int64_t height_, width_, rows_, columns_;
  BandedMatrix av_, avT_, ah_, ahT_, qv_, qvT_, qh_, qhT_;
  Tensor eigenvalues_;
  std::shared_ptr<Decompositions> decompositions_;
};

/// Of a picture; what is not zero in a matrix may be little where the matrix is not.
constexpr std::int64_t kLargestSide = 65536;

void requireWhole(const SparseMatrix& matrix) {
  const auto& [rows, columns, starts, indices, values] = matrix;
  if (rows > kLargestSide || columns > kLargestSide)
    throw ArgumentError("Expected a matrix of at most 65536 rows and columns but received " + toString({rows, columns}));
  const bool isWhole = rows >= 1 && columns >= 1 && static_cast<std::int64_t>(starts.size()) == rows + 1 && starts.front() == 0 &&
                       starts.back() == values.size() && indices.size() == values.size() && std::is_sorted(starts.begin(), starts.end()) &&
                       std::all_of(indices.begin(), indices.end(), [columns = columns](std::uint32_t j) { return j < columns; });
  if (isWhole) return;
  throw ArgumentError("Expected the start of each row and the column of each value of a matrix but received " +
                      std::to_string(starts.size()) + " starts, " + std::to_string(indices.size()) + " columns and " +
                      std::to_string(values.size()) + " values for " + toString({rows, columns}));
}

}  // namespace

std::shared_ptr<Operator> makeSeparable(std::shared_ptr<Device> device, SparseMatrix vertical, SparseMatrix horizontal) {
  for (const SparseMatrix* matrix : {&vertical, &horizontal}) requireWhole(*matrix);
  return std::make_shared<Separable>(device, std::move(vertical), std::move(horizontal));
}

}  // namespace latino
