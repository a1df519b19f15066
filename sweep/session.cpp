#include "sweep/session.hpp"

#include <algorithm>
#include <csignal>
#include <fstream>
#include <functional>
#include <iostream>
#include <iterator>
#include <optional>
#include <set>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

#include "results/summary_table.hpp"
#include "sweep/announcements.hpp"
#include "sweep/checkpoint_folder.hpp"
#include "sweep/clock.hpp"
#include "sweep/comm.hpp"
#include "sweep/coordinator.hpp"
#include "sweep/deadline.hpp"
#include "sweep/device_assignment.hpp"
#include "sweep/folder_lock.hpp"
#include "sweep/log_file.hpp"
#include "sweep/outlook.hpp"
#include "sweep/progress.hpp"
#include "sweep/recorder.hpp"
#include "sweep/slurm/job.hpp"
#include "sweep/slurm/kill_wait.hpp"
#include "sweep/status_file.hpp"
#include "sweep/stop_signals.hpp"
#include "sweep/supervisor.hpp"
#include "sweep/versions.hpp"
#include "sweep/worker.hpp"

namespace sweep {
namespace {

constexpr std::chrono::seconds kStatusPause{2};
constexpr double kShareOfGrace = 0.6;  // for the trainers; the rest is for our own files

/// A run that waited for its folder was told to stop, or its time is over.
class StoppedWaiting : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Takes the folder for us. Where another run holds it, and people want it so, waits until it is
/// free; the trainer of `sweep` goes meanwhile, since the other run may want its device.
/// Throws: FolderBusy; StoppedWaiting once `should_stop` is true.
FolderLock take_folder(const std::filesystem::path& folder, const SessionOptions& options,
                       PreparedSweep& sweep, const std::function<bool()>& should_stop) {
  const auto job = slurm_job().value_or(results::SlurmJob{}).id;
  for (bool is_told = false;; is_told = true) {
    try {
      return FolderLock(folder, kLockPatience, options.take_over, job, should_stop);
    } catch (const FolderBusy&) {
      if (options.if_busy == IfBusy::refuse && !should_stop()) throw;
    }
    const auto holder = describe_holder(folder);
    if (should_stop()) {
      throw StoppedWaiting("stopped: " + folder.string() + " is still in use (" + holder +
                           "); the same command tries again");
    }
    if (is_told) continue;
    std::cerr << "waiting until " << folder.string() << " is free (" << holder << " holds it)"
              << std::endl;
    sweep.trainer.reset();
  }
}

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
        folder_(make_folder(output_folder(options.choice.output, sweep_.config))),
        deadline_(end_of_job(options.time, unix_now_s(), end_of_slurm_job),
                  sweep_.config.run.grace_s),
        lock_(take_folder(folder_, options, sweep_,
                          [this] { return stop_signal() != 0 || deadline_.left_s() <= 0; })),
        checkpoints_(folder_),
        recorder_(folder_, checkpoints_.keys()),
        log_(options.trainer_log.empty() ? folder_ / "log.txt" : options.trainer_log),
        printer_(std::cerr, has_terminal()) {
    cap_grace();
  }

  ExitCode run() {
    warn_about_journal();
    const auto todo = trials_to_do(sweep_, recorder_.results(), options_.retry_failed);
    recorder_.record(std::move(sweep_.plan));
    save_config();
    if (todo.empty()) return finish_idle_run();
    begin(todo);
    train(todo);
    return end();
  }

 private:
  using Clock = std::chrono::steady_clock;

  static std::filesystem::path make_folder(const std::filesystem::path& folder) {
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (error) {
      throw results::StorageError("cannot make " + folder.string() +
                                  results::describe_system_error(error.value()));
    }
    return folder;
  }

  /// After a signal of its own, Slurm ends everything when its patience is over.
  void cap_grace() {
    auto& grace_s = sweep_.config.run.grace_s;
    const auto kill_wait_s = slurm_kill_wait_s();
    if (!kill_wait_s || *kill_wait_s >= grace_s) return;
    grace_s = *kill_wait_s;
    log_.write(0, fmt::format("run.grace is {:.0f} s here, since Slurm kills after that (KillWait)",
                              grace_s));
  }

  void warn_about_journal() const {
    const auto& condition = recorder_.condition();
    if (!lock_.dead_holder().empty()) {
      std::cerr << "mpisweep: taking over from a run that died (" << lock_.dead_holder() << ")\n";
    }
    if (condition.torn_bytes > 0) {
      std::cerr << "mpisweep: cut " << condition.torn_bytes
                << " bytes of an unfinished record from " << (folder_ / "journal").string() << "\n";
    }
    for (const auto& damage : condition.damages) {
      std::cerr << "mpisweep: " << (folder_ / "journal").string()
                << " is damaged: " << describe(damage) << ", its trials run again\n";
    }
  }

  void save_config() const {
    if (holds(folder_ / "config.yaml", sweep_.config.text)) return;
    results::replace_content(folder_ / "config.yaml", sweep_.config.text);
  }

  static bool holds(const std::filesystem::path& path, const std::string& text) {
    std::ifstream file(path, std::ios::binary);
    return file && text == std::string(std::istreambuf_iterator<char>(file), {});
  }

  ExitCode finish_idle_run() {
    checkpoints_.remove_others({});
    recorder_.finish();
    save_status_of_the_dead();
    if (has_trouble()) return tell_trouble();
    const auto counts = results::count(recorder_.results());
    std::cerr << fmt::format(
        "nothing to do: {} of {} trials are finished{} ({}); --output for another folder\n",
        counts.finished + counts.diverged, counts.total,
        counts.failed == 0 ? "" : fmt::format(", {} failed", counts.failed), folder_.string());
    return counts.failed == 0 ? ExitCode::success : ExitCode::trials_failed;
  }

  /// A run that was killed after its last trial still says of itself that it trains.
  void save_status_of_the_dead() {
    const auto told = read_status(folder_);
    if (told && told->state != "running") return;
    status_.host = host_name();
    status_.process = static_cast<int>(getpid());
    status_.num_ranks = world_.size();
    save_status("finished");
  }

  void begin(const std::vector<std::size_t>& todo) {
    const auto counts = results::count(recorder_.results());
    const auto num_ended = counts.total - todo.size();
    recorder_.record(results::SessionRecord{.started = utc_now(),
                                            .command_line = options_.command_line,
                                            .versions = versions(sweep_.ready.trainer),
                                            .num_ranks = world_.size(),
                                            .slurm = slurm_job()});
    status_ = {.state = "running",
               .host = host_name(),
               .process = static_cast<int>(getpid()),
               .num_ranks = world_.size(),
               .started = utc_now(),
               .job_end = deadline_.end_text()};
    const auto num_saved = checkpoints_.keys().size();
    if (num_ended + num_saved > 0) {
      std::cerr << fmt::format("continuing {}: {} finished, {} to do{}\n", folder_.string(),
                               num_ended, todo.size(), describe_saved(num_saved));
    }
  }

  void train(const std::vector<std::size_t>& todo) {
    auto work = make_workload(todo);
    std::cerr << fmt::format("{}  {}: {} in {} packs\n", version_line(), sweep_.config.name,
                             describe_plan(recorder_.results().plan), count_packs(work));
    auto schedule = schedule_for(sweep_, std::move(work), world_.size());
    if (deadline_.is_set()) {
      schedule.end_at(deadline_.left_s(), sweep_.config.run.checkpoint_every_s);
    }
    coordinator_.emplace(
        sweep_, std::move(schedule),
        Coordinator::Outlets{
            .send = [this](int rank, const Command& command) { send(rank, command); },
            .record = [this](const auto& trial) { record(trial); },
            .record_pack = [this](const auto& pack) { recorder_.record(pack); },
            .log = [this](int rank, const auto& text) { log_.write(rank, text); },
            .drop_checkpoint = [this](std::uint64_t key) { drop_checkpoint(key); }},
        saves_packs() ? &checkpoints_ : nullptr);
    if (sweep_.trainer) worker_.adopt(std::move(sweep_.trainer), sweep_.ready);
    start_workers();
    num_left_ = todo.size();
    started_at_ = Clock::now();
    exchange_messages();
    if (!coordinator_->is_finished()) save_packs();
    elapsed_s_ = seconds_since(started_at_);
    announce_workers();
    printer_.clear();
  }

  void start_workers() {
    const auto assignment = assign_devices(sweep_.start.device == DeviceChoice::cuda, views_);
    for (const auto& finding : assignment.findings) {
      std::cerr << "mpisweep: " << finding << '\n';
      log_.write(0, finding);
    }
    for (int rank = 0; rank < world_.size(); ++rank) {
      const auto& [device, gpu] = assignment.ranks[static_cast<std::size_t>(rank)];
      const auto& node = views_[static_cast<std::size_t>(rank)].node;
      if (device.empty()) {
        coordinator_->leave_idle(rank, {.node = node}, "no GPU is visible on " + node);
      } else {
        coordinator_->start_worker(rank,
                                   {.trainer = sweep_.start.trainer,
                                    .device = device,
                                    .trial_timeout_s = sweep_.start.trial_timeout_s},
                                   {.node = node, .gpu = gpu});
      }
    }
  }

  bool saves_packs() const { return sweep_.config.run.checkpoint_every_s > 0; }

  /// Packs that were saved go on with the trials that are left of them; the rest is planned anew.
  Workload make_workload(std::vector<std::size_t> todo) const {
    Workload work;
    if (saves_packs()) work.saved = packs_to_resume(sweep_, recorder_.saved_packs(), todo);
    std::vector<std::uint64_t> keys(work.saved.size());
    std::ranges::transform(work.saved, keys.begin(), &Pack::resume_from);
    checkpoints_.remove_others(keys);
    work.groups = group_trials(sweep_, todo, world_.size());
    return work;
  }

  /// The results of its pack must be safe before the state goes from which they could be had again.
  void drop_checkpoint(std::uint64_t key) {
    recorder_.sync();
    checkpoints_.remove(key);
  }

  void send(int rank, const Command& command) {
    if (rank == 0) {
      worker_.handle(command);
    } else {
      world_.post(rank, serialize(command));
    }
  }

  void record(const results::TrialRecord& trial) {
    recorder_.record(trial);
    estimate_.add(trial.elapsed_s);
    --num_left_;
    ++num_ended_now_;
  }

  /// Serves all workers, our own included, until every pack has ended, a signal comes, or the time
  /// is over.
  void exchange_messages() {
    auto patience = kShortestWait;
    while (!coordinator_->is_finished() && stop_signal() == 0 && !is_time_over()) {
      const bool was_idle = !handle_reports();
      if (coordinator_->is_stuck()) {
        throw std::runtime_error("no rank can train, " + coordinator_->last_trouble());
      }
      recorder_.tick();
      warn_once(recorder_.results_trouble());
      show_progress();
      patience = was_idle ? std::min(2 * patience, kLongestWait) : kShortestWait;
      if (was_idle) worker_.wait(patience);
    }
  }

  /// Whether it is time to stop, or too late for any pack that is left.
  bool is_time_over() {
    if (!deadline_.is_set()) return false;
    if (coordinator_->is_out_of_time()) {
      tell_held_back();
      return is_time_over_ = true;
    }
    if (deadline_.left_s() > 0) return false;
    printer_.clear();
    std::cerr << "stopping ahead of the end of the job: finishing the step and saving" << std::endl;
    return is_time_over_ = true;
  }

  /// Says once what there is no time for.
  void tell_held_back() {
    status_.held_back = coordinator_->held_back();
    const auto text = describe_held_back(status_.held_back);
    if (text.empty() || std::exchange(has_told_held_back_, true)) return;
    printer_.clear();
    std::cerr << text << std::flush;
    log_.write(0, text);
  }

  /// Asks all trainers to save and waits for them, for most of the grace period.
  void save_packs() {
    const auto patience = kShareOfGrace * std::chrono::duration<double>(sweep_.config.run.grace_s);
    const auto begin = Clock::now();
    coordinator_->stop();
    while (coordinator_->num_training() > 0 && Clock::now() - begin < patience) {
      if (!handle_reports()) worker_.wait(kShortestWait);
    }
  }

  /// Handles about a message of each rank; what ranks say without end must not keep the journal
  /// from the disk. False if there was nothing to handle.
  bool handle_reports() {
    bool has_handled = handle_own_reports();
    for (int i = 0; i < world_.size(); ++i) {
      const auto envelope = world_.receive();
      if (!envelope) break;
      for (const auto& report : parse_reports(envelope->text)) {
        coordinator_->handle(envelope->rank, report);
      }
      handle_own_reports();
      has_handled = true;
    }
    return has_handled;
  }

  /// Our own trainer must not wait for its next pack until all ranks have been heard.
  bool handle_own_reports() {
    const auto reports = worker_.poll();
    for (const auto& report : reports)
      coordinator_->handle(0, report);
    return !reports.empty();
  }

  void show_progress() {
    if (coordinator_->has_heard_of_all()) announce_workers();
    const auto now = Clock::now();
    const bool is_status_due = now - last_status_ >= kStatusPause;
    const double wall_s = seconds_since(started_at_);
    const auto left = estimate_.left(wall_s, coordinator_->trials_under_way(), num_left_);
    const auto counts = results::count(recorder_.results());
    printer_.update({.total = counts.total,
                     .ended = counts.total - num_left_,
                     .failed = counts.failed,
                     .trials_per_s = static_cast<double>(num_ended_now_) / std::max(wall_s, 1e-9),
                     .packs_training = coordinator_->num_training(),
                     .left = left});
    if (!is_status_due) return;
    last_status_ = now;
    lock_.beat();
    coordinator_->tick();
    if (deadline_.is_set()) tell_held_back();
    status_.left_s = left.seconds;
    status_.left_uncertainty_s = left.uncertainty;
    save_status("running");
  }

  /// Says once which ranks train on what.
  void announce_workers() {
    if (std::exchange(is_announced_, true)) return;
    printer_.clear();
    std::cerr << describe_workers(coordinator_->workers(), folder_.string());
    for (const auto& [rank, worker] : coordinator_->workers())
      log_.write(rank, describe_worker(worker));
  }

  void save_status(const std::string& state) {
    auto status = status_of(recorder_.results());
    status.state = state;
    status.host = status_.host;
    status.process = status_.process;
    status.num_ranks = status_.num_ranks;
    status.started = status_.started;
    status.updated = utc_now();
    status.journal_bytes = std::filesystem::file_size(folder_ / "journal");
    status.packs_training = state == "running" ? coordinator_->num_training() : 0;
    status.left_s = status_.left_s;
    status.left_uncertainty_s = status_.left_uncertainty_s;
    status.job_end = status_.job_end;
    if (state != "finished") status.held_back = status_.held_back;
    if (coordinator_) put_workers(status, coordinator_->totals());
    try {
      write_status(folder_, status);
      status_trouble_.clear();
    } catch (const results::StorageError& error) {
      status_trouble_ = error.what();
      warn_once(status_trouble_);
    }
  }

  /// Tells of a file that could not be written, and that the sweep goes on without.
  void warn_once(const std::string& trouble) {
    if (trouble.empty() || !warnings_.insert(trouble).second) return;
    printer_.clear();
    std::cerr << "mpisweep: " << trouble << "; the sweep goes on and tries again" << std::endl;
  }

  bool has_trouble() const {
    return !recorder_.results_trouble().empty() || !status_trouble_.empty();
  }

  /// All trials are safe, but not every file beside the journal is.
  ExitCode tell_trouble() const {
    for (const auto& trouble : {recorder_.results_trouble(), status_trouble_}) {
      if (!trouble.empty()) std::cerr << "mpisweep: " << trouble << '\n';
    }
    std::cerr << "mpisweep: the journal has every result, the same command writes the rest\n";
    return ExitCode::sweep_failed;
  }

  ExitCode end() {
    const int signal = stop_signal();
    const bool is_cut_short = signal != 0 || (is_time_over_ && num_left_ > 0);
    results::EndRecord record{.ended = utc_now(),
                              .reason = is_cut_short ? describe_stop(signal) : "finished",
                              .workers = coordinator_->totals()};
    const auto use = results::use_of(record.workers);
    recorder_.record(record);
    recorder_.finish();
    save_status(is_cut_short ? "stopped" : "finished");
    if (is_cut_short) {
      if (has_trouble()) tell_trouble();
      return tell_stop(signal);
    }
    tell_end(use.mean);
    if (has_trouble()) return tell_trouble();
    return results::count(recorder_.results()).failed == 0 ? ExitCode::success
                                                           : ExitCode::trials_failed;
  }

  static std::string describe_stop(int signal) {
    return signal == 0 ? "stopped ahead of the end of the job"
                       : fmt::format("stopped by signal {}", signal);
  }

  /// Without a signal, for want of time.
  ExitCode tell_stop(int signal) const {
    const auto counts = results::count(recorder_.results());
    std::cerr << fmt::format("{}: {} of {} trials finished{}{}; the same command continues\n",
                             signal == 0 ? describe_stop(signal) : "stopped",
                             counts.finished + counts.diverged, counts.total,
                             signal == 0 ? fmt::format(", {} left", num_left_) : "",
                             describe_saved(checkpoints_.keys().size()));
    return code_of_stop(signal);
  }

  void tell_end(double busy_share) const {
    const auto& results = recorder_.results();
    const auto counts = results::count(results);
    std::cerr << fmt::format("{} trials finished in {} ({} failed, {} diverged, {:.0f} % busy)\n",
                             num_ended_now_, format_duration(elapsed_s_), counts.failed,
                             counts.diverged, 100 * busy_share)
              << describe_failed(status_of(results));
    const auto file = (folder_ / "results.h5").string();
    std::cout << '\n'
              << results::to_text(results::summarize_sweep(results, {})) << '\n'
              << file << "     python: xarray.open_dataset(\"" << file << "\")" << std::endl;
  }

  const SessionOptions& options_;
  PreparedSweep sweep_;
  std::vector<RankView> views_;  // by rank
  Communicator& world_;
  std::filesystem::path folder_;
  Deadline deadline_;
  FolderLock lock_;
  CheckpointFolder checkpoints_;
  Recorder recorder_;
  LogFile log_;
  ProgressPrinter printer_;
  Worker worker_;
  std::optional<Coordinator> coordinator_;
  TimeEstimate estimate_;
  SweepStatus status_;
  std::size_t num_left_ = 0;
  std::size_t num_ended_now_ = 0;
  Clock::time_point started_at_ = {};
  Clock::time_point last_status_ = {};
  double elapsed_s_ = 0;
  bool is_announced_ = false;
  bool has_told_held_back_ = false;
  bool is_time_over_ = false;
  std::string status_trouble_ = {};  // why status.json could not be written the last time
  std::set<std::string> warnings_ = {};
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

ExitCode run_session(const SessionOptions& options, Communicator& world) {
  auto code = ExitCode::success;
  try {
    auto views = gather_views(options.choice.device, world);
    code = Session(options, prepare_sweep(options.choice), std::move(views), world).run();
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
