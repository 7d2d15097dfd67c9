#include "operators/visible_solver.h"

#include "operators/conjugate_gradients.h"

namespace latino {

namespace {

/// Of the root mean square of what a proximal point is wrong by anyhow. r · M⁻¹ r, which is compared with it, is two to ten times the
/// energy of the error; where it is least, iterations gain most, so that one more makes up for that.
constexpr double kVisibleError = 0.03;

/// What the iteration knows, on the device.
struct Progress {
  double unknown[2];  // the means of u and u², where u = 1 / (1 + gamma lambda)
  double perGamma, target;
  double whole;                // b · M⁻¹ b
  double rz, curvature, part;  // r · M⁻¹ r, p · (A Aᵀ + 1/gamma) p, and what the band adds to one of them
  double kappa, pi, scale;     // how much of b is in r and in M p, and of M⁻¹ b in the solution
  double beta, alpha;
  double state;
};

/// As far as r · M⁻¹ r is to go. Whatever else a proximal point is wrong by, the measurement's noise is in it: by the mean of u (1 - u)
/// gamma sigma². What the measurement does not tell would count, too, but nobody knows it: gamma sigma² is what the prior's error was
/// assumed to be, often many times what it is. Of that a picture has no more than a variance of 1.
LATINO_HOST_DEVICE inline double targetOf(const double (&unknown)[2], double assumed, double count) {
  const double noise = (unknown[0] - unknown[1]) * assumed, most = unknown[0] * (assumed < 1 ? assumed : 1);
  return kVisibleError * kVisibleError * (noise < most ? noise : most) * count;
}

}  // namespace

VisibleSolver::VisibleSolver(const std::shared_ptr<Device>& device, const Taps& taps, std::int64_t height, std::int64_t width,
                             std::int64_t factor, Boundary boundary)
    : measured_(height / factor * (width / factor)), strips_(device, taps, height, width, factor, boundary) {}

std::vector<Tensor> VisibleSolver::tensors() const { return strips_.tensors(); }

void VisibleSolver::solve(Device& device, std::int64_t planes, ScalarRef gamma, double sigma, const PaddedInverse& inverse, const float* b,
                          float* solution) const {
  const std::int64_t n = planes * measured_, size = strips_.size(planes);
  const Scratch weights(device, inverse.weightsSize()), whole(device, n), numbers(device, 7 * size),
      memory(device, static_cast<std::int64_t>(sizeof(Progress) / sizeof(float)));
  auto* now = reinterpret_cast<Progress*>(memory.data());
  // In the strips: M⁻¹ b; of the residual and of M p what is in the band; M⁻¹ r̂; p; (A Aᵀ + 1/gamma) p; M times the solution in the band.
  float *start = numbers.data(), *r = start + size, *v = r + size, *z = v + size, *p = z + size, *q = p + size, *sum = q + size;
  float *full = whole.data(), *conditioned = solution;

  inverse.weights(device, gamma, PaddedInverse::Eigenvalues::all, weights.data());
  inverse.apply(device, planes, weights.data(), b, conditioned);
  inverse.meanUnknown(device, gamma, weights.data(), now->unknown);
  sumRows(device, 1, n, &now->whole,
          [=] LATINO_DEVICE(std::int64_t, std::int64_t i) { return static_cast<double>(b[i]) * conditioned[i]; });
  forEach(device, n, [=] LATINO_DEVICE(std::int64_t i) { full[i] = 0; });
  strips_.forPixels(device, planes, [=] LATINO_DEVICE(std::int64_t i, std::int64_t pixel, bool) {
    start[i] = conditioned[pixel];
    r[i] = v[i] = z[i] = p[i] = sum[i] = 0;
  });
  forEach(device, 1, [=] LATINO_DEVICE(std::int64_t) {
    now->perGamma = 1 / static_cast<double>(gamma(0));
    now->target = targetOf(now->unknown, gamma(0) * sigma * sigma, static_cast<double>(n));
    now->kappa = 1;
    now->pi = now->scale = now->rz = 0;
    now->state = kIterating;
  });

  double reached = kIterating;
  for (int iteration = 0; iteration < kMaxIterations; ++iteration) {
    if (iteration > 0) {
      strips_.forPixels(device, planes, [=] LATINO_DEVICE(std::int64_t i, std::int64_t pixel, bool isInBand) {
        if (isInBand) full[pixel] = r[i];
      });
      inverse.applyAlongBorder(device, planes, strips_.depth(), weights.data(), full, conditioned);
      strips_.forPixels(device, planes, [=] LATINO_DEVICE(std::int64_t i, std::int64_t pixel, bool) { z[i] = conditioned[pixel]; });
    }
    // r · M⁻¹ r = r̂ · M⁻¹ r̂ + 2 kappa r̂ · M⁻¹ b + kappa² b · M⁻¹ b
    sumRows(device, 1, size, &now->part,
            [=] LATINO_DEVICE(std::int64_t, std::int64_t i) -> double { return r[i] * (z[i] + 2 * now->kappa * start[i]); });
    forEach(device, 1, [=] LATINO_DEVICE(std::int64_t) {
      const double error = now->part + now->kappa * now->kappa * now->whole;
      const bool isEnough = now->state != kIterating;
      now->state = error - error != 0 ? kFailed : isEnough ? kDone : error <= now->target ? kLast : kIterating;
      now->beta = now->rz == 0 ? 0 : error / now->rz;
      now->rz = error;
      now->pi = now->kappa + now->beta * now->pi;
    });
    if (iteration % kIterationsBetweenChecks == 0) {
      reached = hostValue(device, &now->state);
      if (reached == kDone || reached == kFailed) break;
    }
    forEach(device, size, [=] LATINO_DEVICE(std::int64_t i) {
      const auto kappa = static_cast<float>(now->kappa), beta = static_cast<float>(now->beta);
      p[i] = z[i] + kappa * start[i] + beta * p[i];
      v[i] = r[i] + beta * v[i];
    });
    strips_.normal(device, planes, p, q);
    strips_.forPixels(device, planes, [=] LATINO_DEVICE(std::int64_t i, std::int64_t pixel, bool isInBand) {
      const auto perGamma = static_cast<float>(now->perGamma), pi = static_cast<float>(now->pi);
      const float product = q[i] + perGamma * p[i] - pi * b[pixel];
      q[i] = isInBand ? product : 0;
    });
    // p · (A Aᵀ + 1/gamma) p = p · q̂ + pi (v̂ · M⁻¹ b + pi b · M⁻¹ b)
    sumRows(device, 1, size, &now->part, [=] LATINO_DEVICE(std::int64_t, std::int64_t i) -> double {
      return static_cast<double>(p[i]) * q[i] + now->pi * v[i] * start[i];
    });
    forEach(device, 1, [=] LATINO_DEVICE(std::int64_t) {
      now->curvature = now->part + now->pi * now->pi * now->whole;
      // Once it is done it stays where it is, however long the host takes to see that.
      now->alpha = now->curvature == 0 || now->state == kDone ? 0 : now->rz / now->curvature;
      now->scale += now->alpha * now->pi;
      now->kappa -= now->alpha * now->pi;
    });
    forEach(device, size, [=] LATINO_DEVICE(std::int64_t i) {
      const auto alpha = static_cast<float>(now->alpha);
      sum[i] += alpha * v[i];
      r[i] -= alpha * q[i];
    });
  }
  requireConverged(device, reached, gamma);
  forEach(device, n, [=] LATINO_DEVICE(std::int64_t i) { full[i] = static_cast<float>(now->scale) * b[i]; });
  strips_.forPixels(device, planes, [=] LATINO_DEVICE(std::int64_t i, std::int64_t pixel, bool isInBand) {
    if (isInBand) full[pixel] += sum[i];
  });
  inverse.apply(device, planes, weights.data(), full, solution);
}

}  // namespace latino
