#include "storage/kernels.h"
#include "storage/kernels_loops.h"

const struct kernels kernels_avx512 = KERNELS_OF_LOOPS;
