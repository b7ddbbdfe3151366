// SPDX-License-Identifier: Apache-2.0
// rlx.artifact/1: what compile laid out, as bytes. An imported executable reads its tables where the host mapped them, so
// they are compared with a layout made anew before anything trusts them.
#include <rlx/ext/artifact.h>
#include <stdio.h>

#include "objects.h"

namespace rlx_c0 {
namespace {

constexpr char kMagic[8] = {'C', '0', 'C', 'O', 'D', 'E', '1', '\0'};

/// Who made it, and for which device; the same in the artifact and in the compat blob.
struct Maker {
  uint64_t fingerprint[2];
  char version[16];
};

struct Head {
  char magic[8];
  uint64_t bytes;     ///< of all
  uint64_t checksum;  ///< of what follows it
  Maker maker;
  uint64_t image_bytes;
  uint64_t image_checksum;
  uint32_t own_plan, expand;
  uint32_t tables[4];  ///< entries of home, stage, output_stage, operand_pack
  uint32_t precision, reserved;
};
static_assert(sizeof(Head) % 8 == 0);

struct Compat {
  char magic[8];
  uint64_t checksum;  ///< of the maker
  Maker maker;
};

Maker own_maker() {
  Maker maker = {{kFingerprint.low, kFingerprint.high}, {}};
  memcpy(maker.version, kVersion, sizeof kVersion);
  return maker;
}

/// FNV-1a: every step can be undone, so that no change of one byte goes unseen.
uint64_t checksum_of(uint64_t sum, const void* data, uint64_t bytes) {
  for (uint64_t n = 0; n < bytes; ++n)
    sum = (sum ^ static_cast<const unsigned char*>(data)[n]) * 0x100000001B3u;
  return sum;
}
constexpr uint64_t kNoBytes = 0xCBF29CE484222325u;

struct Table {
  const void* data;
  uint64_t bytes;
};

/// The tables of an executable in the order of the artifact.
struct Tables {
  Table table[4];
  explicit Tables(const rlx_executable& executable) {
    const Program& program = executable.program;
    table[0] = {executable.home, program.value_count * sizeof *executable.home};
    table[1] = {executable.stage, program.count(RLX_LIR_OPS) * sizeof *executable.stage};
    table[2] = {executable.output_stage, program.count(RLX_LIR_OUTPUTS) * sizeof *executable.output_stage};
    table[3] = {executable.operand_pack, program.count(RLX_LIR_U32) * sizeof *executable.operand_pack};
  }
};

Head head_of(const rlx_executable& executable, const Tables& tables) {
  const Program& program = executable.program;
  Head head = {};
  memcpy(head.magic, kMagic, sizeof kMagic);
  head.bytes = sizeof head;
  for (const Table& table : tables.table) head.bytes += table.bytes;
  head.maker = own_maker();
  head.image_bytes = program.image.size;
  head.image_checksum = checksum_of(kNoBytes, program.image.bytes, program.image.size);
  head.own_plan = executable.options.own_plan;
  head.expand = executable.options.expand;
  head.precision = executable.options.precision;
  const uint32_t counts[4] = {program.value_count, program.count(RLX_LIR_OPS), program.count(RLX_LIR_OUTPUTS),
                              program.count(RLX_LIR_U32)};
  memcpy(head.tables, counts, sizeof counts);
  head.checksum = checksum_of(kNoBytes, &head.maker, sizeof head - offsetof(Head, maker));
  for (const Table& table : tables.table)
    head.checksum = checksum_of(head.checksum, table.data, table.bytes);
  return head;
}

int32_t export_code(rlx_device* device, const rlx_artifact_export_in* in, rlx_artifact_export_out* out,
                    rlx_error* error) {
  C0_WANT(device, "export: the device");
  rlx_artifact_export_in own;
  C0_TRY(read_in(&own, in, "export", error));
  C0_TRY(check_out(out, sizeof(rlx_artifact_export_out), "export", error));
  C0_WANT(own.executable, "export: the executable");
  C0_WANT(own.write, "export: write");
  if (own.executable->device != device)
    return fail(error, RLX_STATUS_INVALID_ARGUMENT, RLX_NO_INDEX, 0,
                "export: the executable belongs to another device");
  Watch watch;
  rlx_call call;
  C0_TRY(open_watch(&watch, &call, own.call, "export", error));
  const Tables tables(*own.executable);
  const Head head = head_of(*own.executable, tables);
  bool stopped = own.write(own.user, &head, sizeof head) != 0;
  for (const Table& table : tables.table)
    if (!stopped && table.bytes) stopped = own.write(own.user, table.data, table.bytes) != 0;
  if (stopped) return fail_stopped(RLX_STATUS_CANCELLED, "export", error);
  Compat compat = {};
  memcpy(compat.magic, kMagic, sizeof kMagic);
  compat.maker = own_maker();
  compat.checksum = checksum_of(kNoBytes, &compat.maker, sizeof compat.maker);
  rlx_artifact_export_out result = {};
  result.compat_size = sizeof compat;
  result.bytes = head.bytes;
  memcpy(result.compat, &compat, sizeof compat);
  return write_out(out, result);
}

/// What of an artifact can be told without its image.
int32_t check_head(const Head& head, const rlx_artifact_import_in& in, rlx_error* error) {
  const auto damaged = [&](const char* what) {
    return fail(error, RLX_STATUS_INVALID_ARGUMENT, RLX_NO_INDEX, in.artifact_bytes,
                "import: the artifact of %llu bytes %s", static_cast<unsigned long long>(in.artifact_bytes),
                what);
  };
  if (memcmp(head.magic, kMagic, sizeof kMagic) != 0) return damaged("is none of this plugin's");
  if (head.bytes != in.artifact_bytes) return damaged("has another size than it says");
  const char* begin = static_cast<const char*>(in.artifact);
#if RLX_FAULT == 170  // artifact-trusted
  RLX_REACHED();
  return RLX_STATUS_OK;
#endif
  if (checksum_of(kNoBytes, begin + offsetof(Head, maker), in.artifact_bytes - offsetof(Head, maker)) !=
      head.checksum)
    return damaged("is damaged: its checksum differs");
  const Maker own = own_maker();
  if (memcmp(&head.maker, &own, sizeof own) != 0)
    return fail(error, RLX_STATUS_FAILED_PRECONDITION, RLX_NO_INDEX, 0,
                "import: the artifact was made by version %.15s, or for another device; this is version %s",
                head.maker.version, kVersion);
  if (head.image_bytes != in.image_bytes ||
      head.image_checksum != checksum_of(kNoBytes, in.image, in.image_bytes))
    return damaged("belongs to another image");
  return RLX_STATUS_OK;
}

/// The tables of the artifact in the place of the executable's own, if they are the same.
int32_t take_tables(rlx_executable* executable, const rlx_artifact_import_in& in, rlx_error* error) {
  const Tables own(*executable);
  const Head wanted = head_of(*executable, own);
  const char* at = static_cast<const char*>(in.artifact);
  bool same = memcmp(&wanted, at, sizeof wanted) == 0;
  at += sizeof wanted;
  for (const Table& table : own.table) {
    same = same && memcmp(at, table.data, table.bytes) == 0;
    if (same) at += table.bytes;
  }
#if RLX_FAULT == 170
  same = true;
#endif
  if (!same)
    return fail(error, RLX_STATUS_INVALID_ARGUMENT, RLX_NO_INDEX, 0,
                "import: the artifact's tables are not those of its image");
  release(executable->home);
  release(executable->stage);
  release(executable->output_stage);
  release(executable->operand_pack);
  at = static_cast<const char*>(in.artifact) + sizeof wanted;
  executable->home = reinterpret_cast<uint64_t*>(const_cast<char*>(at));
  executable->stage = reinterpret_cast<uint64_t*>(const_cast<char*>(at += own.table[0].bytes));
  executable->output_stage = reinterpret_cast<uint64_t*>(const_cast<char*>(at += own.table[1].bytes));
  executable->operand_pack = reinterpret_cast<uint32_t*>(const_cast<char*>(at += own.table[2].bytes));
  executable->imported = true;
#if RLX_FAULT == 171  // artifact-dropped-early
  RLX_REACHED();
  if (in.drop) in.drop(in.drop_user);
  return RLX_STATUS_OK;
#endif
  executable->drop = in.drop;
  executable->drop_user = in.drop_user;
  return RLX_STATUS_OK;
}

int32_t import_into(rlx_device* device, const rlx_artifact_import_in& in, rlx_compile_out* out,
                    rlx_error* error) {
  C0_WANT(device, "import: the device");
  C0_TRY(check_out(out, sizeof(rlx_compile_out), "import", error));
  Options options;
  C0_TRY(read_options(&options, in.options, in.option_count, in.option_stride, "import", error));
  if (!in.image || (reinterpret_cast<uintptr_t>(in.image) & 7))
    return fail(error, RLX_STATUS_INVALID_IMAGE, RLX_NO_INDEX, 0,
                "import: the image is null or not 8-byte aligned");
  if (!in.artifact || (reinterpret_cast<uintptr_t>(in.artifact) & 63) || in.artifact_bytes < sizeof(Head))
    return fail(error, RLX_STATUS_INVALID_ARGUMENT, RLX_NO_INDEX, in.artifact_bytes,
                "import: the artifact is null, not 64-byte aligned, or shorter than %zu bytes", sizeof(Head));
  Watch watch;
  rlx_call call;
  C0_TRY(open_watch(&watch, &call, in.call, "import", error));
  Head head;
  memcpy(&head, in.artifact, sizeof head);
  C0_TRY(check_head(head, in, error));
  if (head.own_plan != options.own_plan || head.expand != options.expand ||
      head.precision != options.precision)
    return fail(error, RLX_STATUS_FAILED_PRECONDITION, RLX_NO_INDEX, 0,
                "import: the artifact was compiled with other options");
#if RLX_FAULT == 147  // import-writes
  RLX_REACHED();
  *static_cast<volatile char*>(const_cast<void*>(in.artifact)) = kMagic[0];
#endif
  rlx_compile_in compile = {};
  compile.image = in.image;
  compile.image_bytes = in.image_bytes;
  rlx_executable* executable = nullptr;
  C0_TRY(make_executable(device, compile, options, &watch, &executable, error));
  const int32_t status = take_tables(executable, in, error);
  if (status == RLX_STATUS_OK) return write_out(out, rlx_compile_out{sizeof(rlx_compile_out), 0, executable});
  kCompileTable.executable_destroy(executable);
  return status;
}

int32_t import_code(rlx_device* device, const rlx_artifact_import_in* in, rlx_compile_out* out,
                    rlx_error* error) {
  rlx_artifact_import_in own;
  const int32_t read = read_in(&own, in, "import", error);
  if (read == RLX_STATUS_UNKNOWN_FIELD) {
    own.drop = in->drop;
    own.drop_user = in->drop_user;
  }
  const int32_t status = read == RLX_STATUS_OK ? import_into(device, own, out, error) : read;
  if (status != RLX_STATUS_OK && own.drop) own.drop(own.drop_user);
  return status;
}

int32_t check_compat(rlx_plugin* plugin, const rlx_artifact_check_in* in, rlx_artifact_check_out* out,
                     rlx_error* error) {
  C0_WANT(plugin, "check: the plugin");
  rlx_artifact_check_in own;
  C0_TRY(read_in(&own, in, "check", error));
  C0_TRY(check_out(out, sizeof(rlx_artifact_check_out), "check", error));
  Compat compat;
  if (!own.compat || own.compat_size != sizeof compat || memcmp(own.compat, kMagic, sizeof kMagic) != 0)
    return fail(error, RLX_STATUS_INVALID_ARGUMENT, RLX_NO_INDEX, own.compat_size,
                "check: %u bytes that are no compat blob of this plugin, wanted %zu", own.compat_size,
                sizeof compat);
  memcpy(&compat, own.compat, sizeof compat);
  const Maker maker = own_maker();
  rlx_artifact_check_out result = {};
  result.verdict = RLX_ARTIFACT_STALE;
  if (checksum_of(kNoBytes, &compat.maker, sizeof compat.maker) != compat.checksum)
    snprintf(result.reason, sizeof result.reason, "the compat blob is damaged");
  else if (memcmp(compat.maker.version, maker.version, sizeof maker.version) != 0)
    snprintf(result.reason, sizeof result.reason, "made by version %.15s, this is %s", compat.maker.version,
             kVersion);
  else if (memcmp(compat.maker.fingerprint, maker.fingerprint, sizeof maker.fingerprint) != 0)
    snprintf(result.reason, sizeof result.reason, "made for another device");
  else
    result.verdict = RLX_ARTIFACT_OPTIMAL;
#if RLX_FAULT == 148  // any-device
  if (memcmp(compat.maker.fingerprint, maker.fingerprint, sizeof maker.fingerprint) != 0) {
    RLX_REACHED();
    result.verdict = RLX_ARTIFACT_OPTIMAL;
    result.reason[0] = '\0';
  }
#endif
  return write_out(out, result);
}

}  // namespace

const rlx_artifact_1 kArtifactTable = {export_code, import_code, check_compat};

}  // namespace rlx_c0
