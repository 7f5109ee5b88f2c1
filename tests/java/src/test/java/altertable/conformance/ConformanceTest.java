package altertable.conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;

import altertable.conformance.CaseRun.Late;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.stream.Stream;
import org.apache.arrow.memory.RootAllocator;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** The behaviour spec of conformance/spec: every case that the Java clients can express. */
@Tag("conformance")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Execution(ExecutionMode.CONCURRENT)
class ConformanceTest {
  private final Target target = new Target();
  private final Tally tally = new Tally();
  private final RootAllocator allocator = new RootAllocator();
  private final ReadWriteLock calm = new ReentrantReadWriteLock();

  @TestFactory
  Stream<DynamicTest> theServerBehaves() throws IOException {
    return Spec.load().stream().map(one -> DynamicTest.dynamicTest(one.toString(), () -> run(one)));
  }

  private void run(Spec.Case one) {
    try {
      demandReadable(one);
      target.demandFitFor(one);
      attempts(one);
      tally.count(one, "passed", "");
    } catch (Unsupported unsupported) {
      tally.count(one, "skipped", unsupported.getMessage());
      Assumptions.abort(unsupported.getMessage());
    } catch (Exception | AssertionError fault) {
      tally.count(one, "failed", String.valueOf(fault.getMessage()));
      throw new AssertionError(one + "\n" + fault.getMessage(), fault.getCause());
    }
  }

  /** Runs a case among others; once more by itself if it was only late, because others may have kept the machine busy. */
  private void attempts(Spec.Case one) throws Exception {
    try {
      attempt(one, calm.readLock());
    } catch (Late late) {
      attempt(one, calm.writeLock());
    }
  }

  private void attempt(Spec.Case one, Lock lock) throws Exception {
    lock.lock();
    try (var run = new CaseRun(one, target.server(one.server()), allocator)) {
      run.run();
    } finally {
      lock.unlock();
    }
  }

  private static void demandReadable(Spec.Case one) {
    if (one.steps().stream().map(step -> Data.asMap(Data.asMap(step).get("expect"))).anyMatch(expect -> expect.containsKey("parquet"))) {
      throw new Unsupported("reads Parquet, for which it would need another library");
    }
  }

  @AfterAll
  void enoughRan() throws IOException {
    System.out.print(tally.summary());
    var report = System.getenv("CONFORMANCE_REPORT");
    if (report != null) {
      tally.report(Path.of(report));
    }
    target.close();
    assertEquals(List.of(), target.isRemote() ? List.of() : tally.shortfalls());
  }
}
