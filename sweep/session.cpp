#include "sweep/session.hpp"

#include <algorithm>
#include <csignal>
#include <iostream>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "results/worker_use.hpp"
#include "sweep/announcements.hpp"
#include "sweep/clock.hpp"
#include "sweep/comm.hpp"
#include "sweep/deadline.hpp"
#include "sweep/device_assignment.hpp"
#include "sweep/message_loop.hpp"
#include "sweep/outlook.hpp"
#include "sweep/session_report.hpp"
#include "sweep/slurm/job.hpp"
#include "sweep/slurm/kill_wait.hpp"
#include "sweep/stop_signals.hpp"
#include "sweep/versions.hpp"

namespace sweep {
namespace {

ExitCode code_of_stop(int signal) {
  return signal == 0 || signal == SIGTERM ? ExitCode::terminated : ExitCode::interrupted;
}

/// Rank 0's part of a run, from the lock to the table.
class Session {
 public:
  Session(const SessionOptions& options, PreparedSweep sweep, std::vector<RankView> views,
          Communicator& world)
      : options_(options),
        sweep_(std::move(sweep)),
        views_(std::move(views)),
        world_(world),
        deadline_(end_of_job(options.time, unix_now_s(), end_of_slurm_job),
                  sweep_.config.run.grace_s),
        folder_(output_folder(options.choice.output, sweep_.config), claim(), options.trainer_log),
        report_(folder_, world.size()) {
    cap_grace();
  }

  ExitCode run() {
    report_.tell_condition();
    const auto todo = trials_to_do(sweep_, folder_.recorder.results(), options_.retry_failed);
    folder_.recorder.record(std::move(sweep_.plan));
    save_config(folder_.path, sweep_.config.text);
    if (todo.empty()) return finish_idle_run();
    begin(todo.size());
    train(todo);
    return end();
  }

 private:
  /// While we wait for the folder our trainer goes, since the other run may want its device. Those
  /// of other ranks have none yet.
  FolderClaim claim() {
    return {.take_over = options_.take_over,
            .if_busy = options_.if_busy,
            .should_stop = [this] { return stop_signal() != 0 || deadline_.left_s() <= 0; },
            .on_wait = [this] { sweep_.trainer.reset(); }};
  }

  /// After a signal of its own, Slurm ends everything when its patience is over.
  void cap_grace() {
    auto& grace_s = sweep_.config.run.grace_s;
    const auto kill_wait_s = slurm_kill_wait_s();
    if (!kill_wait_s || *kill_wait_s >= grace_s) return;
    grace_s = *kill_wait_s;
    folder_.log.write(
        0, fmt::format("run.grace is {:.0f} s here, since Slurm kills after that (KillWait)",
                       grace_s));
  }

  ExitCode finish_idle_run() {
    folder_.checkpoints.remove_others({});
    folder_.recorder.finish();
    report_.save_end_of_the_dead();
    if (report_.has_trouble()) return end_with_trouble();
    report_.tell_nothing_to_do();
    return code_of_trials();
  }

  void begin(std::size_t num_to_do) {
    folder_.recorder.record(results::SessionRecord{.started = utc_now(),
                                                   .command_line = options_.command_line,
                                                   .versions = versions(sweep_.ready.trainer),
                                                   .num_ranks = world_.size(),
                                                   .slurm = slurm_job()});
    report_.begin(num_to_do, deadline_.end_text());
  }

  void train(const std::vector<std::size_t>& todo) {
    auto work = make_workload(todo);
    report_.tell_plan(count_packs(work));
    auto schedule = schedule_for(sweep_, std::move(work), world_.size());
    if (deadline_.is_set()) {
      schedule.end_at(deadline_.left_s(), sweep_.config.run.checkpoint_every_s);
    }
    loop_.emplace(RunParts{.sweep = sweep_,
                           .folder = folder_,
                           .report = report_,
                           .deadline = deadline_,
                           .world = world_},
                  std::move(schedule), todo.size());
    loop_->run(views_);
  }

  /// Packs that were saved go on with the trials that are left of them; the rest is planned anew.
  Workload make_workload(std::vector<std::size_t> todo) const {
    Workload work;
    if (saves_packs(sweep_)) {
      work.saved = packs_to_resume(sweep_, folder_.recorder.saved_packs(), todo);
    }
    std::vector<std::uint64_t> keys(work.saved.size());
    std::ranges::transform(work.saved, keys.begin(), &Pack::resume_from);
    folder_.checkpoints.remove_others(keys);
    work.groups = group_trials(sweep_, todo, world_.size());
    return work;
  }

  ExitCode end() {
    const auto& progress = loop_->progress();
    const int signal = stop_signal();
    const bool is_cut_short = progress.num_left > 0 && (signal != 0 || loop_->is_time_over());
    const results::EndRecord record{.ended = utc_now(),
                                    .reason = is_cut_short ? describe_stop(signal) : "finished",
                                    .workers = loop_->totals()};
    folder_.recorder.record(record);
    folder_.recorder.finish();
    report_.save_end(is_cut_short ? "stopped" : "finished", loop_->totals());
    if (is_cut_short) {
      if (report_.has_trouble()) report_.tell_trouble();
      report_.tell_stop(signal, progress.num_left);
      return code_of_stop(signal);
    }
    report_.tell_end(progress, results::use_of(record.workers).mean);
    return report_.has_trouble() ? end_with_trouble() : code_of_trials();
  }

  /// All trials are safe, but not every file beside the journal is.
  ExitCode end_with_trouble() const {
    report_.tell_trouble();
    return ExitCode::sweep_failed;
  }

  ExitCode code_of_trials() const {
    return results::count(folder_.recorder.results()).failed == 0 ? ExitCode::success
                                                                  : ExitCode::trials_failed;
  }

  const SessionOptions& options_;
  PreparedSweep sweep_;
  std::vector<RankView> views_;  // by rank
  Communicator& world_;
  Deadline deadline_;
  RunFolder folder_;
  SessionReport report_;
  std::optional<MessageLoop> loop_;
};

/// What each rank sees.  Throws: ConfigError if there is no choosing a device by that.
std::vector<RankView> gather_views(DeviceChoice choice, const Communicator& world) {
  const auto texts = world.gather(serialize(view_of_this_rank()));
  std::vector<RankView> views(texts.size());
  std::ranges::transform(texts, views.begin(), parse_rank_view);
  if (const auto flaw = flaw_of_choice(choice, views); !flaw.empty()) {
    throw ConfigError("mpisweep: " + flaw + "\n");
  }
  return views;
}

void send_home(Communicator& world) {
  for (int rank = 1; rank < world.size(); ++rank)
    world.post(rank, serialize(QuitWorker{}));
  world.flush();
}

}  // namespace

ExitCode run_session(const SessionOptions& options, Communicator& world,
                     std::unique_ptr<TrainerProcess> ahead) {
  auto code = ExitCode::success;
  try {
    auto views = gather_views(options.choice.device, world);
    code =
        Session(options, prepare_sweep(options.choice, std::move(ahead)), std::move(views), world)
            .run();
  } catch (const ConfigError& error) {
    std::cerr << error.what() << std::flush;
    code = ExitCode::bad_input;
  } catch (const FolderBusy& error) {
    std::cerr << "mpisweep: " << error.what() << std::endl;
    code = ExitCode::folder_busy;
  } catch (const StoppedWaiting& stopped) {
    std::cerr << stopped.what() << std::endl;
    code = code_of_stop(stop_signal());
  }
  send_home(world);
  return code;
}

}  // namespace sweep
