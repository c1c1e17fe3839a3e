// Stage report: report.html and report.json from what is in the workspace, at any time after `cluster`.
#include <optional>

#include "equal/base/error.hpp"
#include "equal/base/files.hpp"
#include "equal/base/log.hpp"
#include "equal/job/job.hpp"
#include "equal/report/page.hpp"

#include "encoders.hpp"
#include "extraction_setup.hpp"
#include "report_data.hpp"

namespace equal::job {

void report_stage(Job& job) {
  const Catalog catalog = shared_catalog(job);
  const auto encoder = make_encoder(job, catalog);
  comm::agree(job.comm, [&] {
    if (!job.comm.is_root()) return;
    ReportGuide guide;
    try {
      guide.reference = load_reference(job.settings);
      guide.vectors = guide_vectors(guide.reference, *encoder, job.pool);
    } catch (const Error& e) {
      log::warn("report: without the reference ({})", e.what());
      guide = {};
    }
    const Json data = report_data(job.workspace, guide);
    const auto file = job.workspace.root() / "report.html";
    write_file_atomically(job.workspace.root() / "report.json", data.dump(1) + "\n");
    write_file_atomically(file, report::page(data));
    log::info("report: {}", file.string());
  });
}

}  // namespace equal::job
