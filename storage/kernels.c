#include "storage/kernels.h"

#include "storage/base/cpu.h"
#include "storage/kernels_loops.h"

const struct kernels kernels_plain = KERNELS_OF_LOOPS;

const struct kernels *kernels_for(unsigned features)
{
#if defined(__x86_64__)
    if (features & CPU_AVX512) return &kernels_avx512;
    if (features & CPU_AVX2) return &kernels_avx2;
#endif
    (void)features;
    return &kernels_plain;
}

const struct kernels *kernels_here(void)
{
    return kernels_for(cpu_features());
}
