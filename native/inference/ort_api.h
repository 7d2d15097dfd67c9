// The part of ONNX Runtime's C API that we call. The table of functions is append-only, so a slot number means the same function in
// every version from the one that introduced it; see docs/decisions/0001-own-onnxruntime-declarations.md.
#pragma once

#include <cstddef>
#include <cstdint>

namespace latino::ort {

struct Status;
struct Env;
struct SessionOptions;
struct Session;
struct Value;
struct MemoryInfo;
struct IoBinding;
struct RunOptions;
struct TensorInfo;
struct KernelInfo;
struct KernelContext;
struct CustomOpDomain;
struct CudaOptions;

/// Version of the table that we ask for: the first that has every slot below (ONNX Runtime 1.22).
inline constexpr std::uint32_t kApiVersion = 22;
/// Version of CustomOp and Allocator; newer ones have members that we do not need.
inline constexpr std::uint32_t kCustomOpVersion = 17;

enum ErrorCode : int { kFail = 1 };
enum LoggingLevel : int { kLogFatal = 4 };
enum OptimizationLevel : int { kOptimizeAll = 99 };
enum ElementType : int { kFloat = 1, kInt64 = 7, kFloat16 = 10 };
enum AllocatorType : int { kDeviceAllocator = 0, kArenaAllocator = 1 };
enum MemType : int { kDefaultMemory = 0 };
enum Characteristic : int { kRequired = 0, kOptional = 1, kVariadic = 2 };

/// A thread of ours, and what it is to run.
struct Thread;
using ThreadWork = void (*)(void* argument);
using StartThread = Thread* (*)(void* options, ThreadWork work, void* argument);
using JoinThread = void (*)(Thread* thread);

using Table = void* const;

struct ApiBase {
  Table* (*getApi)(std::uint32_t version);
  const char* (*getVersionString)();
};
using GetApiBase = const ApiBase* (*)();

/// Memory of our own for what passes between a network's nodes, OrtAllocator of API version 17.
struct Allocator {
  std::uint32_t version;
  void* (*allocate)(Allocator*, std::size_t);
  void (*free)(Allocator*, void*);
  const MemoryInfo* (*getInfo)(const Allocator*);
};

/// An operator of our own, OrtCustomOp of API version 17. Members that are null are not called; `v1` ones are superseded.
struct CustomOp {
  std::uint32_t version;
  void* (*createKernelV1)(const CustomOp*, Table*, const KernelInfo*);
  const char* (*getName)(const CustomOp*);
  const char* (*getExecutionProvider)(const CustomOp*);
  int (*getInputType)(const CustomOp*, std::size_t);
  std::size_t (*getInputTypeCount)(const CustomOp*);
  int (*getOutputType)(const CustomOp*, std::size_t);
  std::size_t (*getOutputTypeCount)(const CustomOp*);
  void (*kernelComputeV1)(void*, KernelContext*);
  void (*kernelDestroy)(void*);
  int (*getInputCharacteristic)(const CustomOp*, std::size_t);
  int (*getOutputCharacteristic)(const CustomOp*, std::size_t);
  int (*getInputMemoryType)(const CustomOp*, std::size_t);
  int (*getVariadicInputMinArity)(const CustomOp*);
  int (*getVariadicInputHomogeneity)(const CustomOp*);
  int (*getVariadicOutputMinArity)(const CustomOp*);
  int (*getVariadicOutputHomogeneity)(const CustomOp*);
  Status* (*createKernel)(const CustomOp*, Table*, const KernelInfo*, void**);
  Status* (*kernelCompute)(void*, KernelContext*);
  Status* (*inferOutputShape)(const CustomOp*, void*);
  int (*getStartVersion)(const CustomOp*);
  int (*getEndVersion)(const CustomOp*);
};

/// A function of the table: `createEnv(table, ...)`.
template <std::size_t slot, class Result, class... Arguments>
struct Function {
  Result operator()(Table* table, Arguments... arguments) const {
    return reinterpret_cast<Result (*)(Arguments...)>(table[slot])(arguments...);
  }
};

inline constexpr Function<0, Status*, int, const char*> createStatus;
inline constexpr Function<2, const char*, const Status*> getErrorMessage;
inline constexpr Function<3, Status*, int, const char*, Env**> createEnv;
inline constexpr Function<6, Status*, const Env*> disableTelemetry;
inline constexpr Function<8, Status*, const Env*, const void*, std::size_t, const SessionOptions*, Session**> createSessionFromArray;
inline constexpr Function<10, Status*, SessionOptions**> createSessionOptions;
inline constexpr Function<17, Status*, SessionOptions*> disableMemPattern;
inline constexpr Function<23, Status*, SessionOptions*, int> setGraphOptimizationLevel;
inline constexpr Function<24, Status*, SessionOptions*, int> setIntraOpThreads;
inline constexpr Function<26, Status*, const char*, CustomOpDomain**> createCustomOpDomain;
inline constexpr Function<27, Status*, CustomOpDomain*, const CustomOp*> customOpDomainAdd;
inline constexpr Function<28, Status*, SessionOptions*, CustomOpDomain*> addCustomOpDomain;
inline constexpr Function<39, Status*, RunOptions**> createRunOptions;
inline constexpr Function<46, Status*, RunOptions*> setTerminate;
inline constexpr Function<49, Status*, const MemoryInfo*, void*, std::size_t, const std::int64_t*, std::size_t, int, Value**>
    createTensorWithData;
inline constexpr Function<51, Status*, Value*, void**> getTensorData;
inline constexpr Function<61, Status*, const TensorInfo*, std::size_t*> getDimensionsCount;
inline constexpr Function<62, Status*, const TensorInfo*, std::int64_t*, std::size_t> getDimensions;
inline constexpr Function<65, Status*, const Value*, TensorInfo**> getTensorTypeAndShape;
inline constexpr Function<68, Status*, const char*, int, int, int, MemoryInfo**> createMemoryInfo;
inline constexpr Function<69, Status*, int, int, MemoryInfo**> createCpuMemoryInfo;
inline constexpr Function<85, Status*, const KernelInfo*, const char*, float*> kernelInfoGetFloat;
inline constexpr Function<86, Status*, const KernelInfo*, const char*, std::int64_t*> kernelInfoGetInteger;
inline constexpr Function<87, Status*, const KernelInfo*, const char*, char*, std::size_t*> kernelInfoGetText;
inline constexpr Function<88, Status*, const KernelContext*, std::size_t*> getInputCount;
inline constexpr Function<90, Status*, const KernelContext*, std::size_t, const Value**> getInput;
inline constexpr Function<91, Status*, KernelContext*, std::size_t, const std::int64_t*, std::size_t, Value**> getOutput;
inline constexpr Function<93, void, Status*> releaseStatus;
inline constexpr Function<94, void, MemoryInfo*> releaseMemoryInfo;
inline constexpr Function<95, void, Session*> releaseSession;
inline constexpr Function<96, void, Value*> releaseValue;
inline constexpr Function<97, void, RunOptions*> releaseRunOptions;
inline constexpr Function<99, void, TensorInfo*> releaseTensorInfo;
inline constexpr Function<100, void, SessionOptions*> releaseSessionOptions;
inline constexpr Function<101, void, CustomOpDomain*> releaseCustomOpDomain;
inline constexpr Function<130, Status*, SessionOptions*, const char*, const char*> addSessionConfigEntry;
inline constexpr Function<133, Status*, Session*, const RunOptions*, const IoBinding*> runWithBinding;
inline constexpr Function<134, Status*, Session*, IoBinding**> createIoBinding;
inline constexpr Function<135, void, IoBinding*> releaseIoBinding;
inline constexpr Function<136, Status*, IoBinding*, const char*, const Value*> bindInput;
inline constexpr Function<137, Status*, IoBinding*, const char*, const Value*> bindOutput;
inline constexpr Function<176, Status*, Env*, Allocator*> registerAllocator;
inline constexpr Function<196, Status*, SessionOptions*, StartThread> setStartThread;
inline constexpr Function<197, Status*, SessionOptions*, void*> setThreadOptions;
inline constexpr Function<198, Status*, SessionOptions*, JoinThread> setJoinThread;
inline constexpr Function<204, Status*, SessionOptions*, const CudaOptions*> appendCudaProvider;
inline constexpr Function<205, Status*, CudaOptions**> createCudaOptions;
inline constexpr Function<206, Status*, CudaOptions*, const char* const*, const char* const*, std::size_t> updateCudaOptions;
inline constexpr Function<208, void, CudaOptions*> releaseCudaOptions;
inline constexpr Function<210, Status*, SessionOptions*, const char* const*, const Value* const*, std::size_t> addExternalInitializers;
inline constexpr Function<263, Status*, CudaOptions*, const char*, void*> updateCudaOptionsWithValue;
inline constexpr Function<274, Status*, const KernelContext*, void (*)(void*, std::size_t), std::size_t, std::size_t, void*> parallelFor;
inline constexpr Function<293, Status*, SessionOptions*, bool> setLoadCancellation;

}  // namespace latino::ort
