# SPDX-License-Identifier: Apache-2.0
# cmake -DROOT=... -DOUT=... -P core_revision.cmake: a header with a digest of the sources that decide what an image is, the
# same wherever the same sources are built. Kept images of another digest are not used.
file(GLOB_RECURSE sources RELATIVE ${ROOT} ${ROOT}/runtime/compile/*.cpp ${ROOT}/runtime/compile/*.h ${ROOT}/runtime/ir/*.cpp ${ROOT}/runtime/ir/*.h ${ROOT}/runtime/ir/*.inc)
list(SORT sources)
set(all)
foreach(source ${sources})
  file(SHA256 ${ROOT}/${source} digest)
  string(APPEND all "${source} ${digest}\n")
endforeach()
string(SHA256 digest "${all}")
string(SUBSTRING ${digest} 0 16 digest)
file(CONFIGURE OUTPUT ${OUT} CONTENT "// made by cmake/core_revision.cmake\n#pragma once\n#define RLX_CORE_REVISION \"@digest@\"\n" @ONLY)
