package altertable.conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** The matchers, by the table that every language's runner is held to. */
class CheckTest {
  @TestFactory
  Stream<DynamicTest> matchersMatchAndTellThePlace() throws IOException {
    var rows = Data.asList(Data.parse(Files.readString(Spec.FOLDER.resolve("matchers.json")))).stream().map(Data::asMap);
    return rows.map(row -> DynamicTest.dynamicTest((String) row.get("name"), () -> {
      var places = Check.differences(row.get("expected"), row.get("actual")).stream().map(Check.Difference::path).toList();
      assertEquals(new TreeSet<>(Data.texts(row.get("differs"))), new TreeSet<>(places), row.toString());
    }));
  }
}
