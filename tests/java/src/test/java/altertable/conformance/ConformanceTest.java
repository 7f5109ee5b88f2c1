package altertable.conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.fail;

import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestFactory;

/** The behaviour spec of conformance/spec: every case that the Java clients can express. */
@Tag("conformance")
class ConformanceTest {
  /** The floors are the shares of cases, in percent, that these clients must be able to express. */
  private static final List<String> PROGRAM = List.of(
      System.getenv().getOrDefault("ALTERTABLE_CONFORMANCE", "altertable-conformance"), "drive",
      "--floor", "lakehouse/*=90", "--floor", "analytics/*=90",
      "--floor", "flight/query*=90", "--floor", "flight/prepared*=90", "--floor", "flight/metadata*=90");

  /** One test for each case, as the verdicts come in. */
  @TestFactory
  Stream<DynamicTest> theServerBehaves() throws IOException {
    var driver = new Driver(PROGRAM);
    var cases = Stream.generate(driver::verdict).takeWhile(Optional::isPresent).map(Optional::get)
        .map(verdict -> DynamicTest.dynamicTest(verdict.id(), () -> accept(verdict)));
    var end = DynamicTest.dynamicTest("the program is content", () -> assertEquals(0, driver.exitCode(), "exit code"));
    return Stream.concat(cases, Stream.of(end));
  }

  private static void accept(Message.Verdict verdict) {
    switch (verdict.outcome()) {
      case "failed" -> fail(verdict.id() + "\n" + verdict.reason());
      case "skipped" -> Assumptions.abort(verdict.reason());
      default -> assertEquals("passed", verdict.outcome());
    }
  }
}
